import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Unavailable } from "./Problems.ts"

/** A durable consumer of the event log: one of ours (`scans-1`) or anybody's. */
export const ConsumerAnswer = Schema.Struct({
  name: Schema.String,
  /** The subject that it consumes. */
  filter: Schema.String,
  /** Events that it has not finished: those not delivered yet and those delivered and not acknowledged. */
  lag: Schema.Finite,
  /** How long the oldest of them has been waiting; 0 when there is none. */
  lag_seconds: Schema.Finite,
  /** Delivered and not acknowledged yet. */
  in_flight: Schema.Finite,
  /** Of those in flight, the ones that were delivered more than once. */
  redelivered: Schema.Finite,
  /** All events up to this sequence are finished. */
  finished_to: Schema.Finite
})
export type ConsumerAnswer = typeof ConsumerAnswer.Type

const ConsumersAnswer = Schema.Struct({ consumers: Schema.Array(ConsumerAnswer) })

/** `/v1/consumers`: every durable consumer of the event log. */
export const Consumers = HttpApiGroup.make("consumers").add(
  HttpApiEndpoint.get("list", "/v1/consumers", { success: ConsumersAnswer, error: Unavailable }).annotate(
    OpenApi.Summary,
    "Place and lag of each durable consumer"
  )
).annotate(OpenApi.Description, "Durable consumers of the event log, ours and others")

/** A part of the process that is not ready, and why. */
export const Fault = Schema.Struct({ part: Schema.String, reason: Schema.String })

const StatusAnswer = Schema.Struct({
  version: Schema.String,
  ready: Schema.Boolean,
  /** What is not ready in the process that answers, and why. */
  faults: Schema.Array(Fault),
  /** What an event that was answered 200 survives. */
  durability: Schema.String,
  stream: Schema.Struct({
    name: Schema.String,
    created: Schema.String,
    events: Schema.Finite,
    bytes: Schema.Finite,
    first_sequence: Schema.Finite,
    last_sequence: Schema.Finite,
    dedup_window_seconds: Schema.Finite,
    /** Null keeps events without a limit. */
    retention_seconds: Schema.NullOr(Schema.Finite),
    replicas: Schema.Finite
  }),
  /** Entries stored in the last minute and the last hour. */
  rates: Schema.Struct({ last_minute: Schema.Finite, last_hour: Schema.Finite }),
  consumers: Schema.Array(ConsumerAnswer),
  dead_letters: Schema.Finite,
  quarantined: Schema.Finite,
  /**
   * Entries with the id of an event that was applied before with another body. They change nothing. Null when the
   * database does not answer.
   */
  conflicts: Schema.NullOr(Schema.Finite)
})
export type StatusAnswer = typeof StatusAnswer.Type

/** `/v1/status`: how the whole is doing, on one page. */
export const Status = HttpApiGroup.make("status").add(
  HttpApiEndpoint.get("get", "/v1/status", { success: StatusAnswer, error: Unavailable }).annotate(
    OpenApi.Summary,
    "Readiness, stream, rates and consumers on one page"
  )
).annotate(OpenApi.Description, "How the whole is")
