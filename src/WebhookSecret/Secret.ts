import { Redacted } from "effect"

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
 * is the secret. Undefined when there is none, or when the time is not one.
 */
export const parse = (text: string): Secret | undefined => {
  const [, value = "", end] = /^(.*?)(?:;until=([^;]*))?$/s.exec(text.trim()) ?? []
  const until = end === undefined ? undefined : millisOf(end)
  if (value === "" || Number.isNaN(until)) return undefined
  return { value: Redacted.make(value, { label: "webhook secret" }), until }
}

export const isActive = ({ until }: Secret, now: number) => until === undefined || now < until

const millisOf = (time: string) =>
  /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(time) ? Date.parse(time) : NaN
