import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { field, model } from "../../Domain/Documented.ts"
import { Unavailable } from "./Problems.ts"

/** A durable consumer of the event log, of a projection or of a user. */
export const ConsumerAnswer = model(
  "Consumer",
  "A durable consumer of the event log.",
  Schema.Struct({
    name: field(Schema.String, "The name of the consumer.", { example: "scans-1" }),
    filter: field(Schema.String, "The subject that it consumes."),
    lag: field(
      Schema.Finite,
      "The number of events that it has not finished: undelivered or unacknowledged."
    ),
    lag_seconds: field(Schema.Finite, "The age of the oldest event that it has not finished; 0 without one."),
    in_flight: field(Schema.Finite, "The number of events that are delivered and not acknowledged."),
    redelivered: field(Schema.Finite, "The events in flight that were delivered more than once."),
    finished_to: field(Schema.Finite, "All events up to this position are finished.")
  })
)
export type ConsumerAnswer = typeof ConsumerAnswer.Type

const ConsumersAnswer = model(
  "ConsumerList",
  "All durable consumers of the event log.",
  Schema.Struct({ consumers: field(Schema.Array(ConsumerAnswer), "The consumers.") })
)

/** `/v1/consumers`: every durable consumer of the event log. */
export const ConsumersApi = HttpApiGroup.make("consumers").add(
  HttpApiEndpoint.get("list", "/v1/consumers", { success: ConsumersAnswer, error: Unavailable }).annotate(
    OpenApi.Summary,
    "Place and lag of each durable consumer"
  )
).annotate(OpenApi.Description, "All durable consumers of the event log")

export const Fault = model(
  "Fault",
  "A part of a process that is not ready.",
  Schema.Struct({
    part: field(Schema.String, "The part."),
    reason: field(Schema.String, "Why it is not ready.")
  })
)

export const faults = field(
  Schema.Array(Fault),
  "The parts of the process that answers that are not ready."
)

const StreamState = model(
  "StatusStream",
  "The stream of the event log.",
  Schema.Struct({
    name: field(Schema.String, "The name of the stream."),
    created: field(Schema.String, "When the stream was created. Another value means another log."),
    events: field(Schema.Finite, "The number of entries."),
    bytes: field(Schema.Finite, "The bytes of all entries."),
    first_sequence: field(Schema.Finite, "The position of the first entry."),
    last_sequence: field(Schema.Finite, "The position of the last entry."),
    dedup_window_seconds: field(Schema.Finite, "How long a second delivery of an event is a duplicate."),
    retention_seconds: field(
      Schema.NullOr(Schema.Finite),
      "How long entries are kept; null without a limit."
    ),
    replicas: field(Schema.Finite, "The number of replicas of the stream.")
  })
)

const Rates = model(
  "StatusRates",
  "The number of recently stored entries.",
  Schema.Struct({
    last_minute: field(Schema.Finite, "Entries stored in the last minute."),
    last_hour: field(Schema.Finite, "Entries stored in the last hour.")
  })
)

const StatusAnswer = model(
  "Status",
  "The state of all parts on one page.",
  Schema.Struct({
    version: field(Schema.String, "The version of the program."),
    ready: field(Schema.Boolean, "Whether the process that answers is ready."),
    faults,
    durability: field(Schema.String, "Which failures an event survives after 3QPR has received 200 for it."),
    stream: field(StreamState, "The stream of the event log."),
    rates: field(Rates, "The number of recently stored entries."),
    consumers: field(Schema.Array(ConsumerAnswer), "The durable consumers of the event log."),
    dead_letters: field(Schema.Finite, "The number of dead letters."),
    quarantined: field(Schema.Finite, "The number of entries in quarantine."),
    conflicts: field(
      Schema.NullOr(Schema.Finite),
      "Entries with the id of an event that was applied before with another body. They change nothing. Null when the "
        + "database does not answer."
    )
  })
)
export type StatusAnswer = typeof StatusAnswer.Type

/** `/v1/status`: the state of all parts on one page. */
export const StatusApi = HttpApiGroup.make("status").add(
  HttpApiEndpoint.get("get", "/v1/status", { success: StatusAnswer, error: Unavailable }).annotate(
    OpenApi.Summary,
    "Readiness, stream, rates and consumers on one page"
  )
).annotate(OpenApi.Description, "The state of all parts on one page")
