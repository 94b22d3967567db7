/** The headers of an answer, their names in lower case. */
type Headers = Readonly<Record<string, string | undefined>>

/**
 * The longest wait that is believed, in milliseconds. 3QPR counts its quotas by the minute. An absurd value must not
 * keep us from asking again: only a later answer can correct it.
 */
const longest = 3_600_000

/**
 * How long to send nothing more after an answer, in milliseconds; undefined when it asks for no wait. An
 * answer asks by `Retry-After` (429 and 503: seconds or an HTTP date, RFC 9110), else by
 * `X-RateLimit-Reset` when nothing remains. Instants count from the answer's own `Date`, so that a wrong
 * clock here does no harm. A `Retry-After` beyond the longest wait is cut to it; a reset beyond it is ignored.
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
 * 3QPR does not document the unit of `X-RateLimit-Reset`: a number of today's size in milliseconds or in
 * seconds is taken as that instant, a smaller one as seconds from now.
 */
const untilReset = (value: string | undefined, now: number) => {
  if (value === undefined || !isNumber(value)) return undefined
  const number = Number(value)
  if (number >= 1e11) return Math.max(0, number - now)
  return number >= 1e8 ? Math.max(0, number * 1_000 - now) : number * 1_000
}

const isNumber = (text: string) => /^\s*\d+(\.\d+)?\s*$/.test(text)
