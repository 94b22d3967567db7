import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { field, model } from "../../Domain/Documented.ts"
import { Kind, Result, resultMeaning } from "../../Domain/Operation.ts"
import { DeadLetterSummary } from "./DeadLetters.ts"
import { EventIdParameter } from "./Events.ts"
import { NotFound, Unavailable } from "./Problems.ts"

const Text = Schema.NullOr(Schema.String)
const Count = Schema.NullOr(Schema.Finite)

export const Origin = Schema.Literals(["webhook", "reconciliation"])

const origin = field(
  Origin,
  "`webhook`: 3QPR delivered the event. `reconciliation`: it was fetched from 3QPR's API, because no webhook delivered it."
)
const reconciliation = field(
  Count,
  "The id of the reconciliation that fetched the event; null for a webhook."
)
const signed = field(Schema.Boolean, "Whether the event had a signature, which was checked on receipt.")

const Stored = model(
  "EventPlace",
  "One place of an event in the stream.",
  Schema.Struct({
    sequence: field(Schema.Finite, "The position in the stream."),
    subject: field(Schema.String, "The subject under which it is stored."),
    received_at: field(Schema.String, "When it was received."),
    size: field(Schema.Finite, "Bytes of the body."),
    sha256: field(Schema.String, "The SHA-256 of the body, in hex."),
    signed,
    origin,
    reconciliation,
    quarantined: field(Text, "Why it is in quarantine; null when it is not."),
    quarantined_as: field(Count, "The position that it had in quarantine before a redrive; null otherwise.")
  })
)

export const FateState = Schema.Literals([
  "applied",
  "dead_letter",
  "discarded",
  "waiting",
  "not_mine",
  "quarantined",
  "unknown"
])

const FateLetter = model(
  "EventDeadLetter",
  "The dead letter of an event in one projection.",
  Schema.Struct({
    id: field(Schema.String, "The id of the dead letter."),
    error: field(Schema.String, "Why the last attempt failed."),
    attempts: field(Schema.Finite, "How often the event was delivered to the consumer.")
  })
)

const Fate = model(
  "EventFate",
  "What happened to an event in the live generation of one projection.",
  Schema.Struct({
    name: field(Schema.String, "The projection."),
    generation: field(Schema.Finite, "Its live generation."),
    durable: field(Schema.String, "Its durable consumer."),
    state: field(
      FateState,
      "`applied`: it changed the read model. `dead_letter`: the projection could not handle it. `discarded`: an operator "
        + "discarded its dead letter. `waiting`: the consumer has not finished it. `quarantined` and `not_mine`: the "
        + "projection does not receive it. `unknown`: none of these."
    ),
    sequence: field(Count, "The position in the stream at which it was applied; null when it was not."),
    repeated: field(
      Schema.Array(Schema.Finite),
      "Positions at which it is in the stream again, and changed nothing."
    ),
    dead_letter: field(Schema.NullOr(FateLetter), "Its dead letter; null without one."),
    finished_to: field(Schema.Finite, "The durable consumer has finished every entry up to this position."),
    lag: field(Schema.Finite, "The number of entries that the durable consumer has not finished.")
  })
)

const Receipt = model(
  "EventReceipt",
  "How an event was received.",
  Schema.Struct({
    at: field(Schema.String, "When it was received."),
    signed,
    origin,
    reconciliation,
    quarantined: field(Text, "Why it is in quarantine, or why it was when it was received; null otherwise.")
  })
)

const EventOperation = model(
  "EventOperation",
  "What an operator did with a dead letter or a quarantined entry of an event.",
  Schema.Struct({
    operation: field(Schema.String, "The id of the operation."),
    kind: field(Kind, "What the operation does."),
    by: field(Schema.String, "Who requested it."),
    at: field(Schema.String, "When it was requested."),
    reason: field(Text, "Why; null without a reason."),
    id: field(Schema.String, "The id of the dead letter, or the sequence of the quarantined entry."),
    result: field(Schema.NullOr(Result), `${resultMeaning} Null until it has ended.`),
    error: field(Text, "Why it failed; null without an error."),
    ended_at: field(Text, "When it ended; null until then.")
  })
)

const EventRow = model(
  "EventRow",
  "A row of the entity of an event in a read model.",
  Schema.Struct({
    projection: field(Schema.String, "The projection."),
    table: field(Schema.String, "The table."),
    key: field(Schema.String, "The primary key of the row."),
    current: field(Schema.Boolean, "Whether no later event has written the row."),
    event_id: field(Schema.String, "The event that wrote the row last."),
    sequence: field(Schema.Finite, "The position of that event in the stream.")
  })
)

/** Everything that is known about one event, from its receipt to the rows that it changed. */
export const EventLife = model(
  "EventLife",
  "Everything that is known about one event, from its receipt to its rows.",
  Schema.Struct({
    id: field(Schema.String, "The id of the event."),
    type: field(Text, "The type of the event; null when it could not be read."),
    received: field(Schema.NullOr(Receipt), "How it was received first; null when the log no longer has it."),
    stored: field(
      Schema.Array(Stored),
      "Its known places in the stream, the first one first. There are several when 3QPR sent it again after the "
        + "deduplication window."
    ),
    projections: field(Schema.Array(Fate), "What happened to it in each projection."),
    dead_letters: field(Schema.Array(DeadLetterSummary), "Its dead letters, of all consumers."),
    operations: field(
      Schema.Array(EventOperation),
      "What operators did with its dead letters and quarantined entries, oldest first."
    ),
    rows: field(Schema.Array(EventRow), "The rows of its entity.")
  })
)
export type EventLife = typeof EventLife.Type

/** `/v1/events/:id/life`: what happened to one event. */
export const EventLifeApi = HttpApiGroup.make("eventLife").add(
  HttpApiEndpoint.get("get", "/v1/events/:id/life", {
    params: EventIdParameter,
    success: EventLife,
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "What happened to one event")
).annotate(OpenApi.Description, "One event from its receipt to its rows")
