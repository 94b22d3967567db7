import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { ProcessCounters } from "../../Domain/ProcessCounters.ts"
import { RebuildKind, RebuildState } from "../../Domain/Rebuild.ts"
import { EventSummary } from "./Events.ts"
import { TooManyClients } from "./Problems.ts"
import { within } from "./Query.ts"
import { ConsumerAnswer, Fault } from "./Status.ts"

const Counts = Schema.Record(Schema.String, Schema.Finite)

const Rebuilding = Schema.Struct({
  projection: Schema.String,
  id: Schema.Finite,
  kind: RebuildKind,
  state: RebuildState,
  generation: Schema.Finite,
  done: Schema.Finite,
  total: Schema.Finite,
  /** Events a second since it began. */
  per_second: Schema.Finite,
  /** Null when nothing can be said. */
  seconds_left: Schema.NullOr(Schema.Finite)
})

/** How the whole is doing now. What cannot be read at the moment is null. */
export const LiveStatus = Schema.Struct({
  at: Schema.String,
  ready: Schema.Boolean,
  /** What is not ready in the process that answers, and why. */
  faults: Schema.Array(Fault),
  /** Processes with the ingress role that answered. */
  instances: Schema.Finite,
  /** What all processes have counted since each of them started; less when one has ended. */
  totals: Schema.NullOr(Schema.Struct({ deliveries: Counts, projected: Counts })),
  /**
   * A second, since the status before: counted process by process, so that one that starts, ends or does not
   * answer never makes a rate negative. Null in the first status after a time without a client.
   */
  rates: Schema.NullOr(Schema.Struct({ seconds: Schema.Finite, deliveries: Counts, projected: Counts })),
  processes: Schema.Array(ProcessCounters),
  stream: Schema.NullOr(Schema.Struct({
    events: Schema.Finite,
    bytes: Schema.Finite,
    first_sequence: Schema.Finite,
    last_sequence: Schema.Finite,
    created: Schema.String
  })),
  consumers: Schema.NullOr(Schema.Array(ConsumerAnswer)),
  dead_letters: Schema.NullOr(Schema.Finite),
  quarantined: Schema.NullOr(Schema.Finite),
  /** Those that run. */
  rebuilds: Schema.NullOr(Schema.Array(Rebuilding))
})
export type LiveStatus = typeof LiveStatus.Type

/** Entries that this client was too slow for; `/v1/events?after=` has them. */
export const Skipped = Schema.Struct({
  /** The last sequence before them. */
  after: Schema.Finite,
  /** The sequence of the last of them. */
  up_to: Schema.Finite,
  count: Schema.Finite
})
export type Skipped = typeof Skipped.Type

const message = <const Event extends string, Data extends Schema.Constraint>(event: Event, data: Data) =>
  Schema.Struct({
    id: Schema.optional(Schema.String),
    event: Schema.Literal(event),
    data: Schema.fromJsonString(data)
  })

/**
 * `status`: at once, and about once a second; its id is the sequence up to which this client was given the log.
 * `entry`: each entry of the log as it comes, quarantine included; its id is its sequence.
 * `skipped`: where entries were left out.
 */
export const LiveMessage = Schema.Union([
  message("status", LiveStatus),
  message("entry", EventSummary),
  message("skipped", Skipped)
])

const sequence = within(0, Number.MAX_SAFE_INTEGER)

/** `/v1/live`: what happens, as server-sent events. */
export const Live = HttpApiGroup.make("live").add(
  HttpApiEndpoint.get("live", "/v1/live", {
    /** Id of the last message that the client received. The stream continues after it without a gap. */
    headers: Schema.Struct({ "last-event-id": Schema.optional(sequence) }),
    /** The same for those that cannot send the header, which wins; without both it begins at the end. */
    query: Schema.Struct({ after: Schema.optional(sequence) }),
    success: HttpApiSchema.StreamSse({ events: LiveMessage }),
    error: TooManyClients
  }).annotate(OpenApi.Summary, "Status and new entries, as server-sent events")
).annotate(OpenApi.Description, "What happens, as it happens")
