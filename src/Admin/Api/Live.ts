import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { field, model } from "../../Domain/Documented.ts"
import { ProcessCounters } from "../../Domain/ProcessCounters.ts"
import { RebuildKind, RebuildState } from "../../Domain/Rebuild.ts"
import { EventSummary } from "./Events.ts"
import { TooManyClients } from "./Problems.ts"
import { progressFields, rebuildMeaning } from "./Projections.ts"
import { position } from "./Query.ts"
import { ConsumerAnswer, faults } from "./Status.ts"

const Counts = Schema.Record(Schema.String, Schema.Finite)

const Rebuilding = model(
  "LiveRebuild",
  "A rebuild that runs.",
  Schema.Struct({
    projection: field(Schema.String, "The projection."),
    id: field(Schema.Finite, "The id of the rebuild."),
    kind: field(RebuildKind, rebuildMeaning),
    state: field(RebuildState, "The state of the rebuild."),
    generation: field(Schema.Finite, "The generation that it builds."),
    ...progressFields
  })
)

const counts = {
  deliveries: field(Counts, "Deliveries by result."),
  projected: field(Counts, "Events by projection and result.")
}

const Totals = model(
  "LiveTotals",
  "Counts of all processes since each of them started.",
  Schema.Struct(counts)
)

const Rates = model(
  "LiveRates",
  "Counts of all processes per second, since the previous status.",
  Schema.Struct({
    seconds: field(Schema.Finite, "The seconds since the previous status."),
    ...counts
  })
)

const StreamState = model(
  "LiveStream",
  "The state of the stream.",
  Schema.Struct({
    events: field(Schema.Finite, "The number of entries."),
    bytes: field(Schema.Finite, "The bytes of all entries."),
    first_sequence: field(Schema.Finite, "The position of the first entry."),
    last_sequence: field(Schema.Finite, "The position of the last entry."),
    created: field(Schema.String, "When the stream was created. Another value means another log.")
  })
)

const unread = "Null when it cannot be read now."

/** The current state of all processes. A part that cannot be read is null. */
export const LiveStatus = model(
  "LiveStatus",
  "The state of all processes now.",
  Schema.Struct({
    at: field(Schema.String, "The time of this status."),
    ready: field(Schema.Boolean, "Whether the process that answers is ready."),
    faults,
    instances: field(Schema.Finite, "The number of processes with the role `ingress` that answered."),
    totals: field(
      Schema.NullOr(Totals),
      `Counts of all processes. The numbers fall when a process ends. ${unread}`
    ),
    rates: field(
      Schema.NullOr(Rates),
      "Counted for each process, so that no rate is negative. Null in the first status after a period without clients."
    ),
    processes: field(Schema.Array(ProcessCounters), "Counts of each process."),
    stream: field(Schema.NullOr(StreamState), `The state of the stream. ${unread}`),
    consumers: field(Schema.NullOr(Schema.Array(ConsumerAnswer)), `The durable consumers. ${unread}`),
    dead_letters: field(Schema.NullOr(Schema.Finite), `The number of dead letters. ${unread}`),
    quarantined: field(Schema.NullOr(Schema.Finite), `The number of entries in quarantine. ${unread}`),
    rebuilds: field(Schema.NullOr(Schema.Array(Rebuilding)), `The rebuilds that run. ${unread}`)
  })
)
export type LiveStatus = typeof LiveStatus.Type

export const Skipped = model(
  "LiveSkipped",
  "Entries that were left out because the client was too slow. `/v1/events?after=` returns them.",
  Schema.Struct({
    after: field(Schema.Finite, "The last position before them."),
    up_to: field(Schema.Finite, "The position of the last of them."),
    count: field(Schema.Finite, "The number of skipped entries.")
  })
)
export type Skipped = typeof Skipped.Type

const message = <const Event extends string, Data extends Schema.Top>(
  name: string,
  event: Event,
  data: Data,
  about: { readonly message: string; readonly id: string }
) =>
  Schema.Struct({
    id: field(Schema.optional(Schema.String), about.id),
    event: field(Schema.Literal(event), "The kind of message."),
    data: Schema.fromJsonString(data)
  }).annotate({ identifier: name, description: about.message })

export const LiveMessage = Schema.Union([
  message("LiveStatusMessage", "status", LiveStatus, {
    message: "The state of all processes: at once, and about once a second.",
    id: "The position up to which this client has received the log."
  }),
  message("LiveEntryMessage", "entry", EventSummary, {
    message: "An entry of the log when it is stored, quarantine included.",
    id: "The position of the entry."
  }),
  message("LiveSkippedMessage", "skipped", Skipped, {
    message: "Reports that entries were left out.",
    id: "The position up to which entries were left out."
  })
])

/** `/v1/live`: status and new entries, as server-sent events. */
export const LiveApi = HttpApiGroup.make("live").add(
  HttpApiEndpoint.get("live", "/v1/live", {
    headers: Schema.Struct({
      "last-event-id": position(
        0,
        "The id of the last message that the client received. The stream continues after it without a gap."
      )
    }),
    query: Schema.Struct({
      after: position(
        0,
        "The same as `Last-Event-ID`, for clients that cannot send the header. The header has precedence. Without "
          + "both, the stream begins at the end of the log."
      )
    }),
    success: HttpApiSchema.StreamSse({ events: LiveMessage }),
    error: TooManyClients
  }).annotate(OpenApi.Summary, "Status and new entries, as server-sent events")
).annotate(OpenApi.Description, "Status and new entries as they occur")
