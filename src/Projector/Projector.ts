/**
 * Room `Projector`: batches (`Apply`), rebuilds (`Rebuild`), place in the log (`Place`), read models (`Projections`).
 *
 * Promises: Each event changes each read model exactly once. A rebuild does not interrupt reads. A read model knows
 * its place in the log.
 *
 * May use: `Domain`, `Process`, `Nats`, `Database`, `EventLog`, `Consumer`.
 */
import { Cause, Effect, Exit, Layer, Schedule } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { bisect, type Fault } from "../Consumer/Bisect.ts"
import { Consumers } from "../Consumer/Consumer.ts"
import { DeadLetterBreaker } from "../Consumer/DeadLetterBreaker.ts"
import { ack, deadLetter, type Outcome, retryAfter } from "../Consumer/Outcome.ts"
import { isCausedByData } from "../Database/SqlFailure.ts"
import { decodeDelivery } from "../Domain/Decode.ts"
import type { Delivered } from "../EventLog/Delivered.ts"
import { EventLog, ReadFailed } from "../EventLog/EventLog.ts"
import { inspect } from "../EventLog/Readiness.ts"
import { filterOf } from "../EventLog/Subjects.ts"
import { operatedFlaw } from "../EventLog/Topology.ts"
import { managerOf } from "../Nats/Manager.ts"
import { Nats } from "../Nats/Nats.ts"
import { messageOf } from "../Process/Failure.ts"
import { batches } from "../Process/Metrics.ts"
import { ProcessHealth } from "../Process/ProcessHealth.ts"
import { applyInOrder, NotNow } from "./Apply/Batch.ts"
import { BatchSize, largest } from "./Apply/BatchSize.ts"
import { compareRepeats } from "./Apply/BodyConflicts.ts"
import type { Decoded } from "./Apply/Decoded.ts"
import { expireLive, RowRetention } from "./Expire.ts"
import { type Keeper, keeper } from "./Place/Keep.ts"
import { checkpointOf } from "./Place/Places.ts"
import type { Projection } from "./Projection.ts"
import { generationSupervisor } from "./Rebuild/GenerationSupervisor.ts"
import { isWanted, type Live, type Rebuild } from "./Registry.ts"
import { freshDurable, install } from "./Tables.ts"
import { noteFailure, noteSuccess, type Trouble } from "./Trouble.ts"

/** Batches in progress: while the database writes one, the next is decoded, and with a pool written too. */
const concurrency = 2

/** A database that answers nothing for so long is taken for gone, even if its connection stands. */
const batchTimeout = "90 seconds"

/**
 * Keeps read models up to date from the log. Each generation has a durable consumer of its own. The registry in the database
 * names the generations to run, build, promote and drop.
 */
export const layer = (projections: ReadonlyArray<Projection>) => Layer.effectDiscard(start(projections))

const start = Effect.fnUntraced(function*(projections: ReadonlyArray<Projection>) {
  const vitals = yield* ProcessHealth
  for (const projection of projections) yield* install(projection, freshDurable)
  const keeps = yield* keeper
  const { follow, troubleOf } = yield* generationSupervisor(
    projections,
    keeps,
    (projection, one, trouble) => project(keeps, projection, one, trouble)
  )
  for (const { name } of projections) {
    yield* vitals.watch(`projection ${name}`, troubleOf(name))
  }
  yield* vitals.run("projections", follow)
  const beside: { flaw: string | undefined } = { flaw: undefined }
  yield* vitals.watch("other streams", Effect.sync(() => beside.flaw))
  const manager = yield* managerOf(yield* Nats)
  yield* vitals.run("the inspection of streams", inspect(beside, () => operatedFlaw(manager)))
  yield* vitals.run("repeated events", repeatsAlways)
  if ((yield* RowRetention) !== undefined) yield* vitals.run("the age of rows", expireAlways(projections))
})

const repeatsAlways = Effect.suspend(() => {
  let told: string | undefined
  return compareRepeats().pipe(
    Effect.tap(() => Effect.sync(() => void (told = undefined))),
    Effect.catch((error) => {
      const line = `repeated events are not compared for now: ${messageOf(error)}`
      const isNew = line !== told
      told = line
      return Effect.as(isNew ? Effect.logWarning(line) : Effect.logDebug(line), 0)
    }),
    Effect.flatMap((compared) => compared > 0 ? Effect.void : Effect.sleep("5 seconds")),
    Effect.forever
  )
})

const expireAlways = (projections: ReadonlyArray<Projection>) =>
  expireLive(projections).pipe(
    Effect.catch((error) => Effect.logWarning(`old rows stay for now: ${messageOf(error)}`)),
    Effect.andThen(Effect.sleep("1 minute")),
    Effect.forever
  )

const project = Effect.fnUntraced(
  function*(keeps: Keeper, projection: Projection, one: Live | Rebuild, trouble: Trouble) {
    const { durable, generation } = one
    const consumers = yield* Consumers
    const sql = yield* SqlClient
    const log = yield* EventLog
    const limit = new DeadLetterBreaker(projection.types)
    trouble.limited = () => limit.reason
    const count = batches(projection.name)
    const size = new BatchSize()
    const apply = (events: ReadonlyArray<Decoded>) =>
      Effect.suspend(() => {
        const began = performance.now()
        return applyInOrder(projection, generation, events).pipe(
          Effect.provideService(SqlClient, sql),
          Effect.provideService(EventLog, log),
          Effect.timeout(batchTimeout),
          Effect.interruptible,
          Effect.exit,
          Effect.tap(() =>
            Effect.sync(() => {
              const millis = performance.now() - began
              count.took(millis)
              size.took(events.length, millis)
            })
          )
        )
      })

    /** Applies all; fails when one of the events can never be applied. */
    const settle = (
      events: ReadonlyArray<Decoded>
    ): Effect.Effect<ReadonlyArray<Outcome>, Fault<Decoded, Outcome>> =>
      Effect.flatMap(apply(events), (exit) => {
        if (Exit.isSuccess(exit)) {
          count.committed(events.length)
          noteSuccess(trouble)
          return Effect.succeed(events.map(() => ack))
        }
        // We are being stopped: another instance, or our next start, takes these at once.
        if (Cause.hasInterruptsOnly(exit.cause)) return Effect.succeed(events.map(() => retryAfter(0)))
        if (isNotNow(exit.cause)) return Effect.succeed(events.map(() => retryAfter(1_000)))
        if (!isCausedByData(exit.cause)) {
          return Effect.map(
            noteFailure(trouble, projection.name, messageOf(exit.cause)),
            () => events.map(() => retryAfter(delay()))
          )
        }
        return Effect.fail(() => Effect.succeed(deadLetter(messageOf(exit.cause))))
      })
    const delay = () => Math.min(30_000, 250 * 2 ** Math.min(trouble.failures, 10))
    /** Whether this is still the log that the rows are made from; false when that cannot be known now. */
    const admits = keeps.admits(one).pipe(
      Effect.provideService(SqlClient, sql),
      Effect.provideService(EventLog, log),
      Effect.timeout(batchTimeout),
      Effect.catch((error) =>
        Effect.as(Effect.logDebug(`the log cannot be compared: ${messageOf(error)}`), false)
      )
    )

    return yield* consumers.run({
      durable,
      feeds: {
        database: keeps.database,
        checkpoint: checkpointOf(one).pipe(
          Effect.provideService(SqlClient, sql),
          Effect.retry(Schedule.spaced("1 second")),
          Effect.orDie
        )
      },
      filter: filterOf(projection),
      maxBatch: largest,
      batchSize: () => size.now,
      waiting: largest,
      concurrency,
      // The durable consumer is there. The reason why it could not be created no longer holds.
      started: Effect.sync(() => void (trouble.reason = undefined)),
      wanted: Effect.all([
        isWanted(projection.name, generation),
        keeps.otherLog(one)
      ]).pipe(
        Effect.map(([isWanted, otherLog]) => isWanted && otherLog === undefined),
        Effect.provideService(SqlClient, sql),
        Effect.provideService(EventLog, log),
        Effect.retry(Schedule.spaced("1 second")),
        Effect.orDie
      ),
      pause: Effect.andThen(
        limit.pause,
        Effect.suspend(() => trouble.failures === 0 ? Effect.void : Effect.sleep(delay()))
      ),
      handle: Effect.fnUntraced(function*(batch) {
        if (!(yield* admits)) return batch.map(() => retryAfter(1_000))
        const decoded = batch.map((event) => decode(projection, event))
        const applicable = decoded.filter((event) => "json" in event)
        const settled = applicable.length === 0 ? Effect.succeed([]) : bisect(applicable, settle)
        const next = (yield* settled).values()
        return yield* limit.settle(
          batch,
          decoded.map((event) => "json" in event ? next.next().value ?? retryAfter(1_000) : event)
        )
      })
    })
  }
)

const isNotNow = (cause: Cause.Cause<unknown>) =>
  cause.reasons.some((reason) =>
    Cause.isFailReason(reason) && (reason.error instanceof NotNow || reason.error instanceof ReadFailed)
  )

const decode = (projection: Projection, event: Delivered): Decoded | Outcome => {
  if (!projection.types.includes(event.type)) return ack
  const reading = decodeDelivery(event.body)
  return reading._tag === "Event"
    ? { event, json: reading.text }
    : deadLetter(`${reading.reason}: ${reading.detail}`)
}
