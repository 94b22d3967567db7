import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Target } from "../../Domain/ErasureTarget.ts"
import { By, Rate } from "./Operations.ts"
import { InvalidRequest, InvalidSelection, Unavailable } from "./Problems.ts"
import { AnyText, Text } from "./Query.ts"

const Id = Schema.String.check(Schema.isBetweenLength(1, 255))

/** Exactly one of `qpr_code_id`, `conversation_id` and `event_id`. */
export const Forgetting = Schema.Struct({
  /** The id, short id or name of a code, with its scans and their conversations. */
  qpr_code_id: Schema.optional(Id),
  conversation_id: Schema.optional(Id),
  /** What this event is about, with every event about it. */
  event_id: Schema.optional(Id),
  /** Why; it is recorded. */
  reason: Text.check(Schema.isNonEmpty(), Schema.isMaxLength(1_000)),
  /** Says what there is, and changes nothing. */
  dry_run: Schema.optional(Schema.Boolean),
  /** Who asks: a person, a program. */
  by: By,
  /** Events a second, at most; 1,000 unless told. */
  rate: Schema.optional(Rate)
})
export type Forgetting = typeof Forgetting.Type

const Begun = Schema.Struct({
  /** Its id; null for a dry run, and when there is nothing to do. */
  operation: Schema.NullOr(Schema.String),
  /** Events that are in the log, quarantined ones included, or only in dead letters. */
  count: Schema.Finite,
  dead_letters: Schema.Finite,
  /** Rows of read models, by table. */
  rows: Schema.Record(Schema.String, Schema.Finite),
  /**
   * Last sequence that was searched. Before its end the operation also erases what was stored while it ran, up to a
   * sequence that it logs. What is stored later is new: ask again to erase it.
   */
  up_to: Schema.Finite,
  /** The id that was given, when nothing is there of it. */
  missing: Schema.Array(Schema.String),
  /** What is meant: a code by its id, also when its short id or name was given. */
  target: Target
})

/** `/v1/forget`: erases what belongs to a code, a conversation or an event, from the log and from all that is made of it. */
export const Forget = HttpApiGroup.make("forget").add(
  HttpApiEndpoint.post("begin", "/v1/forget", {
    payload: Forgetting,
    success: Begun,
    error: [InvalidRequest, InvalidSelection, Unavailable]
  }).annotate(AnyText, true).annotate(
    OpenApi.Summary,
    "Erase a code, a conversation or what an event is about, permanently"
  )
).annotate(
  OpenApi.Description,
  "Reads the whole log before it answers; what it then does is an operation like others"
)
