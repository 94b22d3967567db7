import { Redacted } from "effect"
import { isSecretText } from "./SecretText.ts"

export { leastLength } from "./SecretText.ts"

/** A webhook secret with its optional expiry. */
export interface Secret {
  readonly value: Redacted.Redacted<string>
  /** The expiry, in milliseconds since the epoch; undefined when the secret does not expire. */
  readonly until: number | undefined
}

/** An example of a secret with an expiry. */
export const example = "whsec_…;until=2026-12-01T00:00:00Z"

/**
 * Parses a secret. `;until=` and an ISO 8601 time with a time zone may follow it as its expiry. All other text is
 * part of the secret. Undefined when the secret is too short or contains a control character, or when the time is
 * invalid.
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
  // JavaScript parses the 30th of February as the 2nd of March.
  const exists = month !== undefined && new Date(Date.parse(`${month}-${day}`)).getUTCDate() === Number(day)
  return exists ? Date.parse(text) : NaN
}
