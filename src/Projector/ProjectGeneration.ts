import { Effect, Schedule } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Consumers } from "../Consumer/Consumer.ts"
import { DeadLetterBreaker } from "../Consumer/DeadLetterBreaker.ts"
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

/** Batches in progress: while the database writes one, the next is decoded, and with a pool written too. */
const concurrency = 2

/** Applies the events of one generation from its durable consumer, without an end. */
export const projectGeneration = Effect.fnUntraced(
  function*(keeper: Keeper, projection: Projection, one: Live | Rebuild, trouble: Trouble) {
    const consumers = yield* Consumers
    const limit = new DeadLetterBreaker(projection.types)
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
      // The durable consumer is there. The reason why it could not be created no longer holds.
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

/** What the durable consumer of a generation has to know from the database and the log. */
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
    /** The sequence behind which it begins. */
    checkpoint: untilAnswered(checkpointOf(one)),
    /** Whether it continues: the generation is live or being built, and the log is the one of its rows. */
    wanted: untilAnswered(
      Effect.map(
        Effect.all([isWanted(one.name, one.generation), keeper.otherLog(one)]),
        ([isWanted, otherLog]) => isWanted && otherLog === undefined
      )
    ),
    /** Whether this is still the log that the rows are made from; false when that cannot be known now. */
    admits: keeper.admits(one).pipe(
      Effect.provideService(SqlClient, sql),
      Effect.provideService(EventLog, log),
      Effect.timeout(batchTimeout),
      Effect.catch((error) =>
        Effect.as(Effect.logDebug(`the log cannot be compared: ${messageOf(error)}`), false)
      )
    )
  }
})
