import { Effect, Option, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { DeadLetters } from "../DeadLetters.ts"
import { type DeadLetter, parseId } from "../DeadLetters/Letter.ts"
import { EventLog, ReadFailed } from "../EventLog.ts"
import { find, readingOf } from "../Forget.ts"
import { remember } from "../Forget/Reminder.ts"
import { forgetRows } from "../Forget/Rows.ts"
import { Target } from "../Forget/Target.ts"
import type { Work } from "./Runner.ts"

/** In a plan: the rows of the target whose events are no longer in the log. */
export const rowsOnly = "rows"

/**
 * Erases events with all that was made of them: first the read models forget them, so that nothing applies them again,
 * then their dead letters go, and at last the entries in the log. Interrupted anywhere, the entries that are left tell
 * what is still to be done, and no read model has a row of an event that is gone.
 */
export const make = Effect.gen(function*() {
  const log = yield* EventLog
  const deadLetters = yield* DeadLetters
  const sql = yield* SqlClient
  /** Up to which sequence an operation looks for what came while it was under way. */
  const bounds = new Map<string, number>()

  const removeLetters = Effect.fnUntraced(function*(letters: ReadonlyArray<DeadLetter>) {
    for (const [consumer, own] of Map.groupBy(letters, ({ id }) => parseId(id)?.consumer ?? "")) {
      yield* deadLetters.remove(consumer, own.map(({ id }) => id))
    }
  })

  const erase = Effect.fnUntraced(function*(target: Target, at: string, sequences: ReadonlyArray<number>) {
    const entries = yield* Effect.forEach(sequences, log.get, { concurrency: 16 })
    const events = entries.flatMap(Option.toArray).map(readingOf)
    const wanted = new Set(sequences)
    const letters = (yield* deadLetters.list({})).filter(({ sequence }) => wanted.has(sequence))
    yield* remember(target, events.flatMap(({ belonging }) => belonging?.own ?? []), at)
    const known = yield* forgetRows({
      sequences,
      events: [
        ...events.map(({ belonging, id, sequence, type }) => ({ id, sequence, type, own: belonging?.own })),
        ...letters.filter(({ sequence }) => !events.some((event) => event.sequence === sequence))
          .map(({ eventId, sequence, type }) => ({ id: eventId, sequence, type, own: undefined }))
      ]
    })
    yield* removeLetters(letters)
    yield* Effect.forEach(sequences, log.erase, { concurrency: 16, discard: true })
    return new Set([...events, ...letters].map(({ sequence }) => sequence).concat(...known))
  })

  const inside = <A, E>(
    effect: Effect.Effect<A, E | Schema.SchemaError, DeadLetters | EventLog | SqlClient>
  ) =>
    effect.pipe(
      Effect.provideService(SqlClient, sql),
      Effect.provideService(EventLog, log),
      Effect.provideService(DeadLetters, deadLetters),
      Effect.catchIf(Schema.isSchemaError, ({ message }) => Effect.fail(new ReadFailed({ message })))
    )

  const work: Work = {
    run: (operation, ids) =>
      inside(Effect.gen(function*() {
        const target = yield* decodeTarget(operation.asked)
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
            `forget ${operation.id}: the log has nothing left of it up to sequence ${upTo}; what is stored later is new`
          )
        }
        return later
      })),
    finish: () => Effect.void
  }
  return work
})

const decodeTarget = (asked: unknown) => Effect.orDie(Schema.decodeUnknownEffect(Target)(asked))
