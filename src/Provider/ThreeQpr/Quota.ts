/** The headers of a response, with names in lower case. */
type Headers = Readonly<Record<string, string | undefined>>

/**
 * Maximum wait that is accepted, in milliseconds. 3QPR counts its quotas by the minute. An absurd value must not
 * block all further requests, because only a later response can correct it.
 */
const longest = 3_600_000

/**
 * How long to send no requests after a response, in milliseconds; undefined when it requests no wait. A response
 * requests a wait by `Retry-After` (429 and 503: seconds or an HTTP date, RFC 9110). Otherwise it does so by
 * `X-RateLimit-Reset` when no quota remains. Times are compared with the response's own `Date`, so that a wrong local
 * clock does no harm. A `Retry-After` above the maximum is reduced to it; a reset above it is ignored.
 */
export const waitAfter = (status: number, headers: Headers, clock: number): number | undefined => {
  const sent = Date.parse(headers["date"] ?? "")
  const now = Number.isNaN(sent) ? clock : sent
  const asked = status === 429 || status === 503 ? retryAfter(headers["retry-after"], now) : undefined
  if (asked !== undefined) return Math.min(asked, longest)
  const usedUp = status === 429 || /^\s*(-\d+|0+)(\.0*)?\s*$/.test(headers["x-ratelimit-remaining"] ?? "")
  const reset = usedUp ? untilReset(headers["x-ratelimit-reset"], now) : undefined
  return reset !== undefined && reset <= longest ? reset : undefined
}

const retryAfter = (value: string | undefined, now: number) => {
  if (value === undefined) return undefined
  if (isNumber(value)) return Number(value) * 1_000
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

/**
 * 3QPR does not document the unit of `X-RateLimit-Reset`. A number of the size of a current timestamp, in
 * milliseconds or in seconds, is that time. A smaller number is in seconds from now.
 */
const untilReset = (value: string | undefined, now: number) => {
  if (value === undefined || !isNumber(value)) return undefined
  const number = Number(value)
  if (number >= 1e11) return Math.max(0, number - now)
  return number >= 1e8 ? Math.max(0, number * 1_000 - now) : number * 1_000
}

const isNumber = (text: string) => /^\s*\d+(\.\d+)?\s*$/.test(text)
