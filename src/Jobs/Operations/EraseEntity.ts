import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Target } from "../../Domain/ErasureTarget.ts"
import { DeadLetters } from "../../EventLog/DeadLetters.ts"
import { EventLog, ReadFailed } from "../../EventLog/EventLog.ts"
import * as Rejections from "../../Ingress/RecentRejections.ts"
import { Nats } from "../../Nats/Nats.ts"
import { find } from "../Erasure.ts"
import { eraseEntries } from "../Erasure/Erase.ts"
import { UnknownReadModels } from "../Erasure/ErasedRows.ts"
import { remember } from "../Erasure/Reminder.ts"
import type { Work } from "./Work.ts"

/** An id in a plan. It stands for the target's rows whose events are no longer in the log. */
export const rowsOnly = "rows"

/** Erases everything of a target. It also clears the recent rejections, because they can contain data of any person. */
export const make = Effect.gen(function*() {
  const log = yield* EventLog
  const deadLetters = yield* DeadLetters
  const nats = yield* Nats
  const sql = yield* SqlClient
  /** By operation: the last sequence up to which it looks for entries stored while it runs. */
  const bounds = new Map<string, number>()

  const erase = (target: Target, at: string, sequences: ReadonlyArray<number>) =>
    eraseEntries(
      sequences,
      (events) => remember(target, events.flatMap(({ belonging }) => belonging?.own ?? []), at)
    )

  const inside = <A, E>(
    effect: Effect.Effect<A, E | Schema.SchemaError | UnknownReadModels, DeadLetters | EventLog | SqlClient>
  ) =>
    effect.pipe(
      Effect.provideService(SqlClient, sql),
      Effect.provideService(EventLog, log),
      Effect.provideService(DeadLetters, deadLetters),
      Effect.catchIf(isUnusable, ({ message }) => Effect.fail(new ReadFailed({ message })))
    )

  const work: Work = {
    run: (operation, ids) =>
      inside(Effect.gen(function*() {
        const target = yield* decodeTarget(operation.asked)
        yield* Rejections.clear.pipe(Effect.provideService(Nats, nats))
        if (ids.includes(rowsOnly)) yield* erase(target, operation.at, (yield* find(target)).orphans)
        const there = yield* erase(target, operation.at, ids.map(Number).filter(Number.isSafeInteger))
        return ids.map((id) => ({
          id,
          result: id === rowsOnly || there.has(Number(id)) ? "forgotten" as const : "gone" as const
        }))
      })),
    more: (operation, planned) =>
      inside(Effect.gen(function*() {
        const upTo = bounds.get(operation.id) ?? (yield* log.state).lastSequence
        bounds.set(operation.id, upTo)
        const { sequences } = yield* find(yield* decodeTarget(operation.asked), upTo)
        const later = sequences.map(String).filter((id) => !planned.has(id))
        if (later.length === 0) {
          bounds.delete(operation.id)
          yield* Effect.logInfo(
            `forget ${operation.id}: the log contains none of its events up to sequence ${upTo}. Later events are not erased`
          )
        }
        return later
      })),
    finish: () => Effect.void
  }
  return work
})

const isUnusable = (error: unknown): error is Schema.SchemaError | UnknownReadModels =>
  Schema.isSchemaError(error) || error instanceof UnknownReadModels

const decodeTarget = (asked: unknown) => Effect.orDie(Schema.decodeUnknownEffect(Target)(asked))
