import { DateTime, Duration, Effect, Option, Schema } from "effect"
import { Flag } from "effect/cli"
import { durationExamples, millisOf } from "../Domain/Duration.ts"
import { IsoDateTime } from "../Domain/Fields.ts"

/** A point in time: ISO 8601, or how long ago. */
const Time = Schema.Union([
  IsoDateTime,
  Schema.String.check(Schema.makeFilter((text) => millisOf(text) !== undefined))
]).annotate({
  expected: `an ISO 8601 date and time, or how long ago: ${durationExamples}`
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
  const ago = millisOf(flag.value)
  return ago === undefined
    ? flag.value
    : DateTime.formatIso(DateTime.subtractDuration(yield* DateTime.now, Duration.millis(ago)))
})

/** A time of the log for people: month, day and time of day in UTC. */
export const shortTime = (iso: string) => iso.slice(5, 19).replace("T", " ")
