import { Flag } from "effect/cli"
import { PointInTime } from "../Domain/PointInTime.ts"

/** A flag that takes a point in time, and gives it as a timestamp. */
export const timeFlag = (name: string, about: string) =>
  Flag.String(name).pipe(
    Flag.withDescription(`${about}: a date, an ISO 8601 time, or how long ago (15m, 2h, 7d)`),
    Flag.withSchema(PointInTime),
    Flag.optional
  )

/** A time for people, with its year and its zone. */
export const fullTime = (iso: string) => `${iso.slice(0, 19).replace("T", " ")} UTC`

/** A time of the log for people, in columns that name UTC: month, day and time of day. */
export const shortTime = (iso: string) => iso.slice(5, 19).replace("T", " ")
