import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { field, model } from "../../Domain/Documented.ts"
import { InvalidRequest, TooManyClients, Unavailable } from "./Problems.ts"
import { Text, within } from "./Query.ts"

const kinds =
  "`changed`: the row was made from this event. `removed`: rows made from this event are deleted. `rebuilt`: "
  + "every row of the projection may have changed. `reset`: the feed lacks changes, so read every row again."

export const Change = model(
  "Change",
  "A change of a live read model.",
  Schema.Struct({
    kind: field(Schema.Literals(["changed", "removed", "rebuilt", "reset"]), kinds),
    projection: field(Schema.NullOr(Schema.String), "The projection; null for `reset`.", {
      example: "scans"
    }),
    table: field(
      Schema.NullOr(Schema.String),
      "The view that has the row. Null when no row is made from the event now, because a later one replaced it."
    ),
    key: field(
      Schema.NullOr(Schema.Record(Schema.String, Schema.Json)),
      "The key of the row, by column; null as `table`."
    ),
    sequence: field(
      Schema.NullOr(Schema.Finite),
      "The position of the event in the log; null for `rebuilt` and `reset`."
    ),
    event_id: field(Schema.NullOr(Schema.String), "The id of the event; null as `table`.")
  })
)

const ChangesAnswer = model(
  "ChangePage",
  "Changes in the order of their commits.",
  Schema.Struct({
    changes: field(Schema.Array(Change), "The changes. A change can be repeated, and none is left out."),
    cursor: field(Schema.String, "The `after` of the next request."),
    end: field(Schema.Boolean, "Whether these were the last changes.")
  })
)

const Cursor = Text.check(
  Schema.isPattern(/^\d{1,15}-\d{1,18}$/, { expected: "a `cursor` of a page before, or 0-0" })
)

const after = (description: string) =>
  field(Schema.optional(Cursor), description, { example: "1234-1764443531000000" })

const projection = field(Schema.optional(Text), "Only changes of this projection.", { example: "scans" })

const continues =
  "The `cursor` of the page before. Without it, the answer has the cursor of the end and no changes. `0-0` is "
  + "the beginning."

const ChangeMessage = Schema.Struct({
  id: field(
    Schema.optional(Schema.String),
    "The cursor after this change. Changes of one page share the id of the last one."
  ),
  event: field(Schema.Literal("change"), "The kind of message."),
  data: Schema.fromJsonString(Change)
}).annotate({ identifier: "ChangeMessage", description: "A change of a live read model." })

/** `/v1/changes`: which rows of the read models have changed. */
export const ChangesApi = HttpApiGroup.make("changes").add(
  HttpApiEndpoint.get("list", "/v1/changes", {
    query: Schema.Struct({
      after: after(continues),
      wait: field(
        Schema.optional(within(0, 30)),
        "How many seconds to wait for a change when there is none.",
        { default: 0, example: 20 }
      ),
      projection
    }),
    success: ChangesAnswer,
    error: [InvalidRequest, TooManyClients, Unavailable]
  }).annotate(OpenApi.Summary, "Changed rows of the read models, in the order of their commits"),
  HttpApiEndpoint.get("live", "/v1/changes/live", {
    headers: Schema.Struct({
      "last-event-id": after(
        "The id of the last message that the client received. The stream continues after it."
      )
    }),
    query: Schema.Struct({
      after: after(
        "The same as `Last-Event-ID`, which has precedence. Without both, the stream begins at the end of the feed."
      ),
      projection
    }),
    success: HttpApiSchema.StreamSse({ events: ChangeMessage }),
    error: [InvalidRequest, TooManyClients, Unavailable]
  }).annotate(OpenApi.Summary, "The same, as server-sent events")
).annotate(OpenApi.Description, "Changes of the read models as they are committed")
