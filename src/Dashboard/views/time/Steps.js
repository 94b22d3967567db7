/** @typedef {"hour" | "day" | "week"} Granularity */

const hour = 3_600
const seconds = { hour, day: 24 * hour, week: 7 * 24 * hour }
const periods = { "7d": 7, "30d": 30, "90d": 90 }

/** Maximum number of steps for which empty ones are drawn too. */
const most = 50_000

/** The length of a step in seconds. @param {Granularity} granularity */
export const stepOf = (granularity) => seconds[granularity]

/**
 * The start of the step that contains a time; weeks begin on Monday.
 * @param {number} at @param {Granularity} granularity
 */
const beginOf = (at, granularity) => {
  const step = seconds[granularity]
  // 1 January 1970 was a Thursday.
  const offset = granularity === "week" ? 4 * seconds.day : 0
  return Math.floor((at - offset) / step) * step + offset
}

/**
 * One point for each step of the period, zero where the counters have no entry.
 * @param {readonly { date: string, scans: number, conversations_completed: number }[]} timeseries
 * @param {string} period
 * @param {Granularity} granularity
 * @param {number} now in seconds
 * @returns {[number[], number[], number[]]} times in seconds, scans, conversations
 */
export const filled = (timeseries, period, granularity, now) => {
  const step = seconds[granularity]
  const known = new Map(timeseries.map((one) => [Date.parse(one.date) / 1_000, one]))
  const times = [...known.keys()]
  const days = period in periods ? periods[/** @type {keyof typeof periods} */ (period)] : undefined
  const first = beginOf(days === undefined ? times[0] ?? now : now - days * seconds.day, granularity)
  const from = Math.min(first, times[0] ?? first)
  const until = Math.max(beginOf(now, granularity), times.at(-1) ?? from)
  const all = (until - from) / step > most
    ? times
    : Array.from({ length: Math.round((until - from) / step) + 1 }, (_, index) => from + index * step)
  return [
    all,
    all.map((at) => known.get(at)?.scans ?? 0),
    all.map((at) => known.get(at)?.conversations_completed ?? 0)
  ]
}
