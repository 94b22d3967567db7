import { DateTime, Duration, Effect, Option, Schema } from "effect"
import { Flag } from "effect/cli"
import { IsoDateTime } from "../Domain/Fields.ts"

/** A point in time: ISO 8601, or how long ago (`90s`, `15m`, `2h`, `7d`). */
const Time = Schema.Union([IsoDateTime, Schema.String.check(Schema.isPattern(/^\d+[smhd]$/))]).annotate({
  expected: "an ISO 8601 date and time, or how long ago: 90s, 15m, 2h, 7d"
})

/** A flag that takes a point in time. */
export const timeFlag = (name: string, about: string) =>
  Flag.String(name).pipe(
    Flag.withDescription(`${about}: an ISO 8601 time, or how long ago (15m, 2h, 7d)`),
    Flag.withSchema(Time),
    Flag.optional
  )

/** The flag's time as ISO 8601. */
export const timeOf = Effect.fnUntraced(function*(flag: Option.Option<string>) {
  if (Option.isNone(flag)) return undefined
  const [, count, unit] = /^(\d+)([smhd])$/.exec(flag.value) ?? []
  const ago = units[unit ?? ""]
  return count === undefined || ago === undefined
    ? flag.value
    : DateTime.formatIso(DateTime.subtractDuration(yield* DateTime.now, ago(Number(count))))
})

const units: Readonly<Record<string, (count: number) => Duration.Duration>> = {
  s: Duration.seconds,
  m: Duration.minutes,
  h: Duration.hours,
  d: Duration.days
}

/** A time of the log for people: month, day and time of day in UTC. */
export const shortTime = (iso: string) => iso.slice(5, 19).replace("T", " ")
