const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 })
const tenths = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 })
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 })
const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 0 })
const countries = new Intl.DisplayNames("en", { type: "region", fallback: "none" })

/** A number, such as 1,234. @param {number} value */
export const count = (value) => whole.format(value)

/** A number, such as 1.2M; in full below a million. @param {number} value */
export const compact = (value) => Math.abs(value) < 1_000_000 ? whole.format(value) : short.format(value)

/** A number of events a second. @param {number} value */
export const rate = (value) => value > 0 && value < 100 ? tenths.format(value) : whole.format(value)

/** A share as a percentage: 0.74 is 74%. @param {number} value */
export const share = (value) => percent.format(value)

/** A number with one decimal, such as 5.2. @param {number} value */
export const decimal = (value) => tenths.format(value)

/** A number with its noun: 3 events, 1 event. @param {number} value @param {string} one @param {string} [many] */
export const counted = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`

/** A number of bytes, in units of 1,024. @param {number} value */
export const bytes = (value) => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"]
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10))
  const scaled = value / 1_024 ** power
  return `${power === 0 ? whole.format(scaled) : tenths.format(scaled)} ${units[power]}`
}

/** A duration in its two largest units. @param {number} seconds */
export const duration = (seconds) => {
  if (seconds < 1) return "0 s"
  if (seconds < 60) return `${Math.floor(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return two(minutes, "min", Math.floor(seconds % 60), "s")
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return two(hours, "h", minutes % 60, "min")
  return two(Math.floor(hours / 24), "d", hours % 24, "h")
}

/** @param {number} a @param {string} unit @param {number} b @param {string} smaller */
const two = (a, unit, b, smaller) => b === 0 ? `${a} ${unit}` : `${a} ${unit} ${b} ${smaller}`

/**
 * A time such as 25 Nov 14:03:12, with the year when it is not the current one; in UTC, as everywhere in the system.
 * @param {string | number} at
 */
export const time = (at) => {
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return String(at)
  const year = date.getUTCFullYear() === new Date().getUTCFullYear() ? "" : ` ${date.getUTCFullYear()}`
  return `${date.getUTCDate()} ${months.format(date)}${year} ${clock(at)}`
}

const months = new Intl.DateTimeFormat("en", { month: "short", timeZone: "UTC" })

/** A time of day, such as 14:03:12. @param {string | number} at */
export const clock = (at) => iso(at).slice(11, 19)

/** @param {string | number} at */
const iso = (at) => {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString()
}

/**
 * The name of a country code, such as Switzerland for CH; null means that 3QPR did not know it.
 * @param {string | null} code
 */
export const country = (code) => {
  if (code === null) return "Unknown"
  return (/^[A-Z]{2}$/.test(code) && countries.of(code)) || code
}

/** An identifier as words: dead_letters becomes dead letters. @param {string} name */
export const words = (name) => name.replaceAll(/[_-]/g, " ")

/** Capitalizes the first letter. @param {string} text */
export const sentence = (text) => text.slice(0, 1).toUpperCase() + text.slice(1)
