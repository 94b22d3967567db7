import { Option, Schema } from "effect"
import type { Outcome } from "./Delivery.ts"
import type { Planned } from "./Plan.ts"

/** What a response means for the event: accepted, to be retried, or not as expected. */
export interface Verdict {
  readonly accepted: boolean
  readonly duplicate: boolean
  /** What is wrong with the response; null when it is as expected. */
  readonly unexpected: string | null
}

/**
 * Judges the response to an event that 3QPR signed. 2xx accepts it. Then `quarantined` must be correct, unless the event
 * was erased, and `id` too where it is present. Any other status below 500 is unexpected, except 408, 425 and 429, because no retry can help.
 */
export const judge = (planned: Planned, outcome: Outcome): Verdict => {
  if (outcome._tag === "Unanswered") return failed(null)
  const { status } = outcome
  const said = errorOf(outcome.body)
  if (status < 200 || status > 299) {
    const passing = status >= 500 || status === 408 || status === 425 || status === 429
    return failed(passing ? null : `a genuine event was answered ${status}${said === "" ? "" : ` ${said}`}`)
  }
  const receipt = Option.getOrElse(receiptOf(outcome.body), (): Receipt => ({}))
  return { accepted: true, duplicate: receipt.duplicate === true, unexpected: wrongIn(planned, receipt) }
}

/** The error that the body of a response names, such as `invalid_signature`; empty when there is none. */
export const errorOf = (body: string) =>
  Option.match(refusalOf(body), { onNone: () => "", onSome: ({ error }) => error })

const failed = (unexpected: string | null): Verdict => ({ accepted: false, duplicate: false, unexpected })

const wrongIn = (planned: Planned, { erased, id, quarantined }: Receipt): string | null => {
  if (id !== undefined && id !== planned.id) {
    return `the answer refers to ${id ?? "no id"}`
  }
  if (erased === true) return null
  if (planned.quarantined === null) {
    return quarantined === undefined ? null : `a good event was quarantined as ${quarantined}`
  }
  if (quarantined === undefined) return `a body that is ${planned.quarantined} was accepted as an event`
  return quarantined === planned.quarantined
    ? null
    : `quarantined as ${quarantined} instead of ${planned.quarantined}`
}

const Receipt = Schema.Struct({
  id: Schema.optional(Schema.NullOr(Schema.String)),
  duplicate: Schema.optional(Schema.Boolean),
  quarantined: Schema.optional(Schema.String),
  erased: Schema.optional(Schema.Boolean)
})
type Receipt = typeof Receipt.Type

const receiptOf = Schema.decodeUnknownOption(Schema.fromJsonString(Receipt))
const refusalOf = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ error: Schema.String }))
)
