import { Redacted } from "effect"
import { isSecretText } from "./SecretText.ts"

export { leastLength } from "./SecretText.ts"

/** A webhook secret, and until when it may sign. */
export interface Secret {
  readonly value: Redacted.Redacted<string>
  /** Milliseconds since the epoch; undefined when it has no end. */
  readonly until: number | undefined
}

/** How a secret with an end is written. */
export const example = "whsec_…;until=2026-12-01T00:00:00Z"

/**
 * Reads a secret, with `;until=` and an ISO 8601 time of a stated zone after it when it has an end. All else in it
 * is the secret. Undefined when it is too short, when it holds a control character, or when the time is not one.
 */
export const parse = (text: string): Secret | undefined => {
  const [, value = "", end] = /^(.*?)(?:\s*;\s*until\s*=\s*([^;]*))?$/is.exec(text.trim()) ?? []
  const until = end === undefined ? undefined : millisOf(end.trim())
  if (!isSecretText(value) || Number.isNaN(until)) return undefined
  return { value: Redacted.make(value, { label: "webhook secret" }), until }
}

export const isActive = ({ until }: Secret, now: number) => until === undefined || now < until

const time = /^(\d{4}-\d\d)-(\d\d)(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/

const millisOf = (text: string) => {
  const [, month, day] = time.exec(text) ?? []
  // JavaScript takes the 30th of February for the 2nd of March.
  const exists = month !== undefined && new Date(Date.parse(`${month}-${day}`)).getUTCDate() === Number(day)
  return exists ? Date.parse(text) : NaN
}
