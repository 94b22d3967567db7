import { Schema } from "effect"
import { Buffer } from "node:buffer"
import { field, model } from "./Documented.ts"

/** The kinds of operations on many events. */
export const Kind = Schema.Literals(["redrive", "discard", "quarantine-redrive", "forget"])
export type Kind = typeof Kind.Type

/** The result of one event of an operation. */
export const Result = Schema.Literals([
  "applied",
  "dead",
  "discarded",
  "released",
  "unusable",
  "forgotten",
  "gone"
])
export type Result = typeof Result.Type

/** How an operation began. */
export const Started = Schema.Struct({
  kind: Kind,
  /** Who asked for it. */
  by: Schema.String,
  /** Why; null without a reason. */
  reason: Schema.NullOr(Schema.String),
  /** ISO 8601. */
  at: Schema.String,
  /** Which events were asked for: ids, a filter, or all. */
  asked: Schema.Record(Schema.String, Schema.Unknown),
  /** The number of these events. */
  requested: Schema.Finite,
  /** Events a second, at most. */
  rate: Schema.Finite
})
export type Started = typeof Started.Type

/** The meaning of each result. */
export const resultMeaning =
  "`applied`: the consumer handled the event. `dead`: it failed again. `discarded`: its dead letter is removed "
  + "permanently. `released`: the quarantined entry is an event now. `unusable`: the entry still does not decode. "
  + "`forgotten`: the event is erased from the log and from the read models. `gone`: nothing was there under this id."

/** The result of one event. */
export const Outcome = model(
  "OperationOutcome",
  "The result of one event of an operation.",
  Schema.Struct({
    id: field(Schema.String, "The id of the dead letter, or the sequence of the entry."),
    result: field(Result, resultMeaning),
    error: field(Schema.NullOr(Schema.String), "Why it failed; null without an error."),
    at: field(Schema.String, "When it ended.")
  })
)
export type Outcome = typeof Outcome.Type

/** The events of an operation, in parts. */
export const Planned = Schema.Struct({ ids: Schema.Array(Schema.String) })

/** The number of events of an operation, with those that were added to its plan. */
export const Extended = Schema.Struct({ requested: Schema.Finite })

/** Who stopped an operation, and when. */
export const Cancelled = Schema.Struct({ by: Schema.String, at: Schema.String })

/** A record as it is stored: JSON. */
export const encode = (
  record: Started | Outcome | typeof Planned.Type | typeof Extended.Type | typeof Cancelled.Type
) => Buffer.from(JSON.stringify(record))

/** Reads a record; undefined when it is none of this kind. */
export const decoder = <S extends Schema.ConstraintDecoder<unknown>>(schema: S) => {
  const decode = Schema.decodeUnknownOption(Schema.fromJsonString(schema))
  return (body: Uint8Array): S["Type"] | undefined => {
    const found = decode(Buffer.from(body).toString("utf8"))
    return found._tag === "Some" ? found.value : undefined
  }
}
