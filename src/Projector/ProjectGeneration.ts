import { Effect, Schedule } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Consumers } from "../Consumer/Consumer.ts"
import { DeadLetterBreaker, RetryLimited } from "../Consumer/DeadLetterBreaker.ts"
import { retryAfter } from "../Consumer/Outcome.ts"
import { EventLog } from "../EventLog/EventLog.ts"
import { filterOf } from "../EventLog/Subjects.ts"
import { messageOf } from "../Process/Failure.ts"
import { batchOutcomes, batchTimeout } from "./Apply/BatchOutcomes.ts"
import { BatchSize, largest } from "./Apply/BatchSize.ts"
import { follows as follow } from "./Definition.ts"
import type { Keeper } from "./Place/Keep.ts"
import { checkpointOf } from "./Place/Places.ts"
import type { Projection } from "./Projection.ts"
import { type Live, type Rebuild, roleOf } from "./Registry.ts"
import { retryDelay, type Trouble } from "./Trouble.ts"

/** Number of concurrent batches. While the database writes one, the next is decoded, and with a pool also written. */
const concurrency = 2

/**
 * Shortest time between two batches that are not full, in milliseconds. A batch costs some milliseconds of processor
 * time, however few events it has.
 */
const gather = 50

/** Applies the events of one generation from its durable consumer, until it is interrupted. */
export const projectGeneration = Effect.fnUntraced(
  function*(keeper: Keeper, projection: Projection, one: Live | Rebuild, trouble: Trouble) {
    const consumers = yield* Consumers
    const limit = new DeadLetterBreaker(projection.types, yield* RetryLimited)
    trouble.limited = () => limit.reason
    const size = new BatchSize()
    const outcomesOf = yield* batchOutcomes(projection, one.generation, size, trouble)
    const { admits, checkpoint, follows, wanted } = yield* questions(keeper, projection, one)
    return yield* consumers.run({
      durable: one.durable,
      feeds: { database: keeper.database, checkpoint },
      filter: filterOf(projection),
      maxBatch: largest,
      batchSize: () => size.now,
      waiting: largest,
      concurrency,
      gather,
      // The durable consumer exists, so an earlier reason why it could not be created no longer applies.
      started: Effect.sync(() => void (trouble.reason = undefined)),
      wanted,
      pause: Effect.andThen(
        limit.pause,
        Effect.suspend(() => trouble.failures === 0 ? Effect.void : Effect.sleep(retryDelay(trouble)))
      ),
      handle: Effect.fnUntraced(function*(batch) {
        // Applying an event checks the definition too, but an event of another type is only acknowledged.
        const isKnown = batch.every(({ type }) => projection.types.includes(type))
        if (!(yield* admits) || !(isKnown || (yield* follows))) return batch.map(() => retryAfter(1_000))
        return yield* limit.settle(batch, yield* outcomesOf(batch))
      })
    })
  }
)

/** The queries to the database and the log that the durable consumer of a generation needs. */
const questions = Effect.fnUntraced(function*(keeper: Keeper, projection: Projection, one: Live | Rebuild) {
  const sql = yield* SqlClient
  const log = yield* EventLog
  const provided = <A, E>(question: Effect.Effect<A, E, EventLog | SqlClient>) =>
    question.pipe(Effect.provideService(SqlClient, sql), Effect.provideService(EventLog, log))
  const untilAnswered = <A, E>(question: Effect.Effect<A, E, EventLog | SqlClient>) =>
    provided(question).pipe(Effect.retry(Schedule.spaced("1 second")), Effect.orDie)
  /** False when the question fails or times out. */
  const orNot = <E>(question: Effect.Effect<boolean, E, EventLog | SqlClient>) =>
    provided(question).pipe(
      Effect.timeout(batchTimeout),
      Effect.catch((error) =>
        Effect.as(Effect.logDebug(`${one.durable} cannot be checked: ${messageOf(error)}`), false)
      )
    )
  /** Whether the generation is live or being built, and applies the event types of this process. */
  const follows = Effect.map(
    roleOf(one.name, one.generation),
    (found) => found !== undefined && follow(projection, found)
  )
  return {
    /**
     * The durable consumer starts after this sequence. Undefined when it must not be created, because another
     * definition has been claimed meanwhile.
     */
    checkpoint: untilAnswered(Effect.flatMap(
      checkpointOf(one),
      (checkpoint) => Effect.map(follows, (still) => still ? checkpoint : undefined)
    )),
    /** Whether the durable consumer is still needed here, and the rows come from this log. */
    wanted: untilAnswered(
      Effect.map(
        Effect.all([follows, keeper.otherLog(one)]),
        ([follows, otherLog]) => follows && otherLog === undefined
      )
    ),
    /** Whether the rows were built from this log. */
    admits: orNot(keeper.admits(one)),
    follows: orNot(follows)
  }
})
