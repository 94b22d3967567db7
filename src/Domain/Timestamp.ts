const year = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
const leapYear = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
const day =
  `(?:${year}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)`
  + `|02-(?:0[1-9]|1[0-9]|2[0-8]))|${leapYear}-02-29)`
const time =
  "(?:(?:[01][0-9]|2[0-3]):[0-5][0-9](?::(?:[0-5][0-9]|60)(?:[.][0-9]{1,30})?)?|24:00(?::00(?:[.]0{1,30})?)?)"
const offset = "(?:[Zz]|[+-](?:0[0-9]|1[0-5]):?[0-5][0-9])"

/**
 * The accepted timestamps, as a regular expression that JavaScript and Postgres interpret alike. It is RFC 3339
 * without the year 0, and without offsets of 16 hours or more, which Postgres refuses. Seconds, and the colon of the
 * offset, may be left out. Every match is a day that exists.
 */
export const pattern = `^${day}[Tt ]${time}${offset}$`

/**
 * Replaces a leap second by the second before it, so that it stays within its day. Postgres moves it to the next day,
 * and refuses fractions of it.
 */
export const withoutLeapSecond = (text: string) => text.replace(":60", ":59")

const matcher = new RegExp(pattern)

/** Whether a text is a timestamp that JavaScript, Postgres and the API all accept. */
export const isTimestamp = (text: string): boolean => matcher.test(text)

/** Milliseconds since the epoch; further digits are cut off. NaN when the text is not a timestamp. */
export const millisOf = (text: string): number => {
  if (!isTimestamp(text)) return Number.NaN
  const [, minute = "", second = "0", fraction = "", sign, hours = "0", minutes = "0"] =
    parts.exec(withoutLeapSecond(text)) ??
      []
  const ahead = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -60_000 : 60_000)
  return Date.parse(`${minute.toUpperCase().replace(" ", "T")}Z`) + Number(second) * 1_000
    + Number(fraction.slice(0, 3).padEnd(3, "0")) - ahead
}

const parts = /^(.{16})(?::(\d\d)(?:\.(\d+))?)?(?:[Zz]|([+-])(\d\d):?(\d\d))$/
