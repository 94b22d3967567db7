/** Examples of durations, for messages. */
export const durationExamples = `such as 90s, 15m, 2h, 7d or "90 days"`

/**
 * Parses a duration to milliseconds: a number and a unit, or several of them, as in `90s`, `1h 30m` and `2 hours`.
 * Settings, flags and parameters share this grammar. Undefined for any other text, and for more than a century.
 */
export const millisOf = (text: string): number | undefined => {
  if (!whole.test(text)) return undefined
  const millis = [...text.matchAll(part)].reduce(
    (sum, [, count, unit = ""]) => sum + Number(count) * (units[unit.toLowerCase()] ?? NaN),
    0
  )
  return millis <= century ? Math.round(millis) : undefined
}

const part = /(\d+(?:\.\d+)?)\s*([a-z]+)/gi
const whole = /^\s*(?:\d+(?:\.\d+)?\s*[a-z]+\s*)+$/i

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour
const week = 7 * day
const century = 36_525 * day

const named = (names: string, millis: number) => names.split(" ").map((name) => [name, millis] as const)

const units: Readonly<Record<string, number>> = Object.fromEntries([
  ...named("ms milli millis millisecond milliseconds", 1),
  ...named("s sec secs second seconds", second),
  ...named("m min mins minute minutes", minute),
  ...named("h hr hrs hour hours", hour),
  ...named("d day days", day),
  ...named("w week weeks", week)
])
