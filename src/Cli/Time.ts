import { Flag } from "effect/cli"
import { PointInTime } from "../Domain/PointInTime.ts"

/** A flag that accepts a point in time, and returns a timestamp. */
export const timeFlag = (name: string, about: string) =>
  Flag.String(name).pipe(
    Flag.withDescription(`${about}: a date, an ISO 8601 time, or how long ago (15m, 2h, 7d)`),
    Flag.withSchema(PointInTime),
    Flag.optional
  )

/** Formats a time for people, with its year and time zone. */
export const fullTime = (iso: string) => `${iso.slice(0, 19).replace("T", " ")} UTC`

/** Formats a time of the log for people, for columns whose title names UTC: month, day and time of day. */
export const shortTime = (iso: string) => iso.slice(5, 19).replace("T", " ")
