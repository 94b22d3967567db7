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
import type { Keeper } from "./Place/Keep.ts"
import { checkpointOf } from "./Place/Places.ts"
import type { Projection } from "./Projection.ts"
import { isWanted, type Live, type Rebuild } from "./Registry.ts"
import { retryDelay, type Trouble } from "./Trouble.ts"

/** Number of concurrent batches. While the database writes one, the next is decoded, and with a pool also written. */
const concurrency = 2

/** Applies the events of one generation from its durable consumer, until it is interrupted. */
export const projectGeneration = Effect.fnUntraced(
  function*(keeper: Keeper, projection: Projection, one: Live | Rebuild, trouble: Trouble) {
    const consumers = yield* Consumers
    const limit = new DeadLetterBreaker(projection.types, yield* RetryLimited)
    trouble.limited = () => limit.reason
    const size = new BatchSize()
    const outcomesOf = yield* batchOutcomes(projection, one.generation, size, trouble)
    const { admits, checkpoint, wanted } = yield* questions(keeper, one)
    return yield* consumers.run({
      durable: one.durable,
      feeds: { database: keeper.database, checkpoint },
      filter: filterOf(projection),
      maxBatch: largest,
      batchSize: () => size.now,
      waiting: largest,
      concurrency,
      // The durable consumer exists, so an earlier reason why it could not be created no longer applies.
      started: Effect.sync(() => void (trouble.reason = undefined)),
      wanted,
      pause: Effect.andThen(
        limit.pause,
        Effect.suspend(() => trouble.failures === 0 ? Effect.void : Effect.sleep(retryDelay(trouble)))
      ),
      handle: Effect.fnUntraced(function*(batch) {
        if (!(yield* admits)) return batch.map(() => retryAfter(1_000))
        return yield* limit.settle(batch, yield* outcomesOf(batch))
      })
    })
  }
)

/** The queries to the database and the log that the durable consumer of a generation needs. */
const questions = Effect.fnUntraced(function*(keeper: Keeper, one: Live | Rebuild) {
  const sql = yield* SqlClient
  const log = yield* EventLog
  const untilAnswered = <A, E>(question: Effect.Effect<A, E, EventLog | SqlClient>) =>
    question.pipe(
      Effect.provideService(SqlClient, sql),
      Effect.provideService(EventLog, log),
      Effect.retry(Schedule.spaced("1 second")),
      Effect.orDie
    )
  return {
    /** The durable consumer starts after this sequence. */
    checkpoint: untilAnswered(checkpointOf(one)),
    /**
     * Whether the durable consumer is still needed: the generation is live or being built, and its rows come from
     * this log.
     */
    wanted: untilAnswered(
      Effect.map(
        Effect.all([isWanted(one.name, one.generation), keeper.otherLog(one)]),
        ([isWanted, otherLog]) => isWanted && otherLog === undefined
      )
    ),
    /** Whether the rows were built from this log; false when the comparison fails or times out. */
    admits: keeper.admits(one).pipe(
      Effect.provideService(SqlClient, sql),
      Effect.provideService(EventLog, log),
      Effect.timeout(batchTimeout),
      Effect.catch((error) =>
        Effect.as(Effect.logDebug(`the log cannot be compared with the rows: ${messageOf(error)}`), false)
      )
    )
  }
})
