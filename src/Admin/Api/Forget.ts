import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { field, model } from "../../Domain/Documented.ts"
import { Target } from "../../Domain/ErasureTarget.ts"
import { By, dryRun, operation, Rate } from "./Operations.ts"
import { InvalidRequest, InvalidSelection, Unavailable } from "./Problems.ts"
import { AnyText, Text } from "./Query.ts"

const Id = Schema.optional(Schema.String.check(Schema.isBetweenLength(1, 255)))

/** Default rate of an erasure, in events a second. */
export const usualRate = 1_000

export const Forgetting = model(
  "EraseRequest",
  "What to erase: exactly one of `qpr_code_id`, `conversation_id` and `event_id`.",
  Schema.Struct({
    qpr_code_id: field(
      Id,
      "The id, short id or name of a code: it, its scans and their conversations are erased."
    ),
    conversation_id: field(Id, "The id of a conversation."),
    event_id: field(Id, "The id of an event: its entity is erased, with every event of that entity."),
    reason: field(Text.check(Schema.isNonEmpty(), Schema.isMaxLength(1_000)), "Why. The reason is recorded."),
    dry_run: dryRun,
    by: By,
    rate: Rate(usualRate)
  })
)
export type Forgetting = typeof Forgetting.Type

const Begun = model(
  "ErasureBegun",
  "What an erasure found, and the operation that erases it.",
  Schema.Struct({
    operation,
    count: field(
      Schema.Finite,
      "Events that are in the log, quarantined ones included, or only in dead letters."
    ),
    dead_letters: field(Schema.Finite, "The number of dead letters."),
    rows: field(Schema.Record(Schema.String, Schema.Finite), "The number of rows of read models, by table."),
    up_to: field(
      Schema.Finite,
      "The last position that was searched. Before it ends, the operation also erases what was stored while it ran. "
        + "Send the request again to erase events that are stored later."
    ),
    missing: field(Schema.Array(Schema.String), "The given id, when there is nothing under it."),
    target: field(Target, "What is erased. A code has its id here, also when its short id or name was given.")
  })
)

/** `/v1/forget`: erases what belongs to a code, a conversation or an event, from the log and from the read models. */
export const ForgetApi = HttpApiGroup.make("forget").add(
  HttpApiEndpoint.post("begin", "/v1/forget", {
    payload: Forgetting,
    success: Begun,
    error: [InvalidRequest, InvalidSelection, Unavailable]
  }).annotate(AnyText, true).annotate(
    OpenApi.Summary,
    "Erase a code, a conversation or the entity of an event, permanently"
  )
).annotate(
  OpenApi.Description,
  "Reads the whole log before it answers. The erasure itself runs as an operation, like a redrive"
)
