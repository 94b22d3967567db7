import { Clock, Effect, Layer, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import packageJson from "../../../package.json" with { type: "json" }
import { Consumers } from "../../Consumer/Consumer.ts"
import type { ConsumerLag } from "../../Consumer/ConsumerLag.ts"
import { DeadLetters } from "../../EventLog/DeadLetters.ts"
import { eventOf } from "../../EventLog/Delivered.ts"
import { EventLog } from "../../EventLog/EventLog.ts"
import { quarantineSubjects, stream } from "../../EventLog/Names.ts"
import { countIn } from "../../EventLog/Subjects.ts"
import { ProcessHealth } from "../../Process/ProcessHealth.ts"
import { conflicts } from "../../Projector/Apply/BodyConflicts.ts"
import { Api } from "../Api.ts"
import { unavailable } from "../Events/EventsHandlers.ts"

/** The handler of `/v1/consumers`. */
const consumers = HttpApiBuilder.group(
  Api,
  "consumers",
  Effect.fnUntraced(function*(handlers) {
    return handlers.handleAll({
      list: () =>
        Effect.map(standing, (consumers) => ({ consumers })).pipe(Effect.catchTag("ReadFailed", unavailable))
    })
  })
)

/** The handler of `/v1/status`. */
const status = HttpApiBuilder.group(
  Api,
  "status",
  Effect.fnUntraced(function*(handlers) {
    return handlers.handleAll({
      get: () => look.pipe(Effect.catchTag("ReadFailed", unavailable))
    })
  })
)

export const StatusHandlers = Layer.mergeAll(consumers, status)

const look = Effect.gen(function*() {
  const log = yield* EventLog
  const { durability } = log
  const faults = yield* (yield* ProcessHealth).faults
  const census = yield* log.census
  const { created, ...state } = census
  return {
    version: packageJson.version,
    ready: faults.length === 0,
    faults,
    durability,
    stream: {
      name: stream,
      created,
      events: countIn(census, ">"),
      bytes: state.bytes,
      first_sequence: state.firstSequence,
      last_sequence: state.lastSequence,
      dedup_window_seconds: state.dedupWindow / 1_000,
      retention_seconds: state.retention === undefined ? null : state.retention / 1_000,
      replicas: state.replicas
    },
    rates: { last_minute: yield* storedWithin(60_000), last_hour: yield* storedWithin(3_600_000) },
    consumers: yield* standing,
    dead_letters: yield* (yield* DeadLetters).count,
    quarantined: countIn(census, quarantineSubjects),
    // Without the database, all other fields are still reported.
    conflicts: yield* conflicts.pipe(
      Effect.timeout("2 seconds"),
      Effect.catch(() => Effect.succeed(null))
    )
  }
}).pipe(Effect.withSpan("Status.look"))

const storedWithin = Effect.fnUntraced(function*(millis: number) {
  const log = yield* EventLog
  const from = yield* log.sequenceAt((yield* Clock.currentTimeMillis) - millis)
  return yield* log.count({ after: from - 1 })
})

/** Every durable consumer of the event log, and the age of its oldest unfinished event. */
export const standing = Effect.gen(function*() {
  const { standings } = yield* Consumers
  return yield* Effect.forEach(
    yield* standings,
    (consumer) =>
      Effect.map(waitingSince(consumer), (lag_seconds) => ({
        name: consumer.name,
        filter: consumer.filter,
        lag: consumer.pending + consumer.inFlight,
        lag_seconds,
        in_flight: consumer.inFlight,
        redelivered: consumer.redelivered,
        finished_to: consumer.finishedTo
      }))
  )
})

/** How long a consumer's oldest unfinished event has been in the log, in seconds. */
const waitingSince = Effect.fnUntraced(function*({ filter, finishedTo, inFlight, pending }: ConsumerLag) {
  if (pending + inFlight === 0) return 0
  const log = yield* EventLog
  const oldest = yield* log.first({ after: finishedTo, filter })
  const receivedAt = Option.match(oldest, {
    onNone: () => NaN,
    onSome: (entry) => Date.parse(eventOf(entry).receivedAt)
  })
  return Number.isNaN(receivedAt) ? 0 : Math.max(0, ((yield* Clock.currentTimeMillis) - receivedAt) / 1_000)
})
