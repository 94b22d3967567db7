import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Kind, Result } from "../../Domain/Operation.ts"
import { DeadLetterSummary } from "./DeadLetters.ts"
import { NotFound, Unavailable } from "./Problems.ts"

const Text = Schema.NullOr(Schema.String)
const Count = Schema.NullOr(Schema.Finite)

/** `webhook`: 3QPR delivered it. `reconciliation`: it was fetched from 3QPR's API, for no webhook told of it. */
export const Origin = Schema.Literals(["webhook", "reconciliation"])

/** One place of an event in the stream. */
const Stored = Schema.Struct({
  sequence: Schema.Finite,
  subject: Schema.String,
  received_at: Schema.String,
  size: Schema.Finite,
  sha256: Schema.String,
  /** Whether a signature came with it, which was checked then. */
  signed: Schema.Boolean,
  origin: Origin,
  /** Which reconciliation fetched it. */
  reconciliation: Count,
  /** Why it is in quarantine. */
  quarantined: Text,
  /** The sequence that it had in quarantine, which a redrive took it from. */
  quarantined_as: Count
})

/**
 * What became of the event in the live generation of a projection. `applied`: it changed the read model.
 * `dead_letter`: it was kept aside. `discarded`: so it was, and an operator dropped it. `waiting`: the consumer
 * is not through with it. `quarantined`, `not_mine`: the projection does not get it. `unknown`: none of these.
 */
export const FateState = Schema.Literals([
  "applied",
  "dead_letter",
  "discarded",
  "waiting",
  "not_mine",
  "quarantined",
  "unknown"
])

const Fate = Schema.Struct({
  name: Schema.String,
  generation: Schema.Finite,
  durable: Schema.String,
  state: FateState,
  /** Where it stood when it was applied. */
  sequence: Count,
  /** Where it came again later, and changed nothing. */
  repeated: Schema.Array(Schema.Finite),
  dead_letter: Schema.NullOr(
    Schema.Struct({ id: Schema.String, error: Schema.String, attempts: Schema.Finite })
  ),
  /** Of the durable consumer: it has finished every entry up to here. */
  finished_to: Schema.Finite,
  lag: Schema.Finite
})

/** All that is known of one event, from its receipt to the rows that it made. */
export const EventLife = Schema.Struct({
  id: Schema.String,
  type: Text,
  /** As it came first; null when the log no longer has it. */
  received: Schema.NullOr(Schema.Struct({
    at: Schema.String,
    signed: Schema.Boolean,
    origin: Origin,
    reconciliation: Count,
    /** Why it is in quarantine, or was when it came. */
    quarantined: Text
  })),
  /**
   * Each place in the stream that is known, the first one first: more than one when 3QPR sent it again behind the
   * dedup window.
   */
  stored: Schema.Array(Stored),
  projections: Schema.Array(Fate),
  dead_letters: Schema.Array(DeadLetterSummary),
  /** What operators did with its dead letters or with it in quarantine, the oldest first. */
  operations: Schema.Array(Schema.Struct({
    operation: Schema.String,
    kind: Kind,
    by: Schema.String,
    at: Schema.String,
    reason: Text,
    /** The dead letter's id, or the quarantined entry's sequence. */
    id: Schema.String,
    /** Null as long as it has not ended. */
    result: Schema.NullOr(Result),
    error: Text,
    ended_at: Text
  })),
  /** The rows of the entity that it tells of; `current` when no later event has written the row. */
  rows: Schema.Array(Schema.Struct({
    projection: Schema.String,
    table: Schema.String,
    key: Schema.String,
    current: Schema.Boolean,
    event_id: Schema.String,
    sequence: Schema.Finite
  }))
})
export type EventLife = typeof EventLife.Type

/** `/v1/events/:id/life`: what became of one event. */
export const EventLives = HttpApiGroup.make("eventLife").add(
  HttpApiEndpoint.get("get", "/v1/events/:id/life", {
    params: Schema.Struct({ id: Schema.String }),
    success: EventLife,
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "What happened to one event")
).annotate(OpenApi.Description, "One event from its receipt to its rows")
