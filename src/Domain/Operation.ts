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

/** The record of an operation's start. */
export const Started = Schema.Struct({
  kind: Kind,
  /** The person who started it. */
  by: Schema.String,
  /** The reason; null when none was given. */
  reason: Schema.NullOr(Schema.String),
  /** The time of the start (ISO 8601). */
  at: Schema.String,
  /** The requested events: ids, a filter, or all. */
  asked: Schema.Record(Schema.String, Schema.Unknown),
  /** The number of requested events. */
  requested: Schema.Finite,
  /** Maximum number of events a second. */
  rate: Schema.Finite
})
export type Started = typeof Started.Type

/** The meaning of each result. */
export const resultMeaning =
  "`applied`: the consumer handled the event. `dead`: it failed again. `discarded`: its dead letter is removed "
  + "permanently. `released`: the quarantined entry is an event now. `unusable`: the entry still does not decode. "
  + "`forgotten`: the event is erased from the log and from the read models. `gone`: there was nothing under this id."

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

/** A part of the plan: ids of events to handle. */
export const Planned = Schema.Struct({ ids: Schema.Array(Schema.String) })

/** The number of events of an operation, including those that were added to its plan. */
export const Extended = Schema.Struct({ requested: Schema.Finite })

/** The person who cancelled an operation, and the time. */
export const Cancelled = Schema.Struct({ by: Schema.String, at: Schema.String })

/** Encodes a record as JSON for storage. */
export const encode = (
  record: Started | Outcome | typeof Planned.Type | typeof Extended.Type | typeof Cancelled.Type
) => Buffer.from(JSON.stringify(record))

/** Decodes a record; undefined when it does not match the schema. */
export const decoder = <S extends Schema.ConstraintDecoder<unknown>>(schema: S) => {
  const decode = Schema.decodeUnknownOption(Schema.fromJsonString(schema))
  return (body: Uint8Array): S["Type"] | undefined => {
    const found = decode(Buffer.from(body).toString("utf8"))
    return found._tag === "Some" ? found.value : undefined
  }
}
