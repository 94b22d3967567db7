import { Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { Target } from "../../Domain/ErasureTarget.ts"
import type { DeadLetters } from "../../EventLog/DeadLetters.ts"
import { EventLog, ReadFailed } from "../../EventLog/EventLog.ts"
import type { Operation } from "../../EventLog/Operations.ts"
import * as Rejections from "../../Ingress/RecentRejections.ts"
import type { Nats } from "../../Nats/Nats.ts"
import { find } from "../Erasure.ts"
import { eraseEntries } from "../Erasure/Erase.ts"
import { UnknownReadModels } from "../Erasure/ErasedRows.ts"
import { remember } from "../Erasure/Reminder.ts"
import type { Work } from "./Work.ts"

/** An id in a plan. It stands for the target's rows whose events are no longer in the log. */
export const rowsOnly = "rows"

/** Erases everything of a target. It also clears the recent rejections, because they can contain data of any person. */
export const make = Effect.gen(function*() {
  const context = yield* Effect.context<DeadLetters | EventLog | Nats | SqlClient>()
  /** By operation: the last sequence up to which it looks for entries stored while it runs. */
  const bounds = new Map<string, number>()
  const inside = <A, E>(
    effect: Effect.Effect<A, E | UnknownReadModels, DeadLetters | EventLog | Nats | SqlClient>
  ) =>
    effect.pipe(
      Effect.provideContext(context),
      Effect.catchIf(isUnknown, ({ message }) => Effect.fail(new ReadFailed({ message })))
    )
  const work: Work = {
    run: (operation, ids) => inside(eraseIds(operation, ids)),
    more: (operation, planned) => inside(laterIds(operation, planned, bounds)),
    finish: () => Effect.void
  }
  return work
})

const eraseIds = Effect.fnUntraced(function*({ asked, at }: Operation, ids: ReadonlyArray<string>) {
  const target = yield* decodeTarget(asked)
  const erase = (sequences: ReadonlyArray<number>) =>
    eraseEntries(
      sequences,
      (events) => remember(target, events.flatMap(({ belonging }) => belonging?.own ?? []), at)
    )
  yield* Rejections.clear
  if (ids.includes(rowsOnly)) yield* erase((yield* find(target)).orphans)
  const there = yield* erase(ids.map(Number).filter(Number.isSafeInteger))
  return ids.map((id) => ({
    id,
    result: id === rowsOnly || there.has(Number(id)) ? "forgotten" as const : "gone" as const
  }))
})

/** Ids of entries that were stored after the plan, up to the end of the log at the operation's first look. */
const laterIds = Effect.fnUntraced(function*(
  { asked, id }: Operation,
  planned: ReadonlySet<string>,
  bounds: Map<string, number>
) {
  const upTo = bounds.get(id) ?? (yield* (yield* EventLog).state).lastSequence
  bounds.set(id, upTo)
  const { sequences } = yield* find(yield* decodeTarget(asked), upTo)
  const later = sequences.map(String).filter((id) => !planned.has(id))
  if (later.length === 0) {
    bounds.delete(id)
    yield* Effect.logInfo(
      `forget ${id}: the log contains none of its events up to sequence ${upTo}. Later events are not erased`
    )
  }
  return later
})

const isUnknown = (error: unknown): error is UnknownReadModels => error instanceof UnknownReadModels

const decodeTarget = (asked: unknown) => Effect.orDie(Schema.decodeUnknownEffect(Target)(asked))
