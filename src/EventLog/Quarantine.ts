import { Effect, Option, Stream } from "effect"
import { logEntries } from "./Entries.ts"
import { EventLog, type LoggedEntry } from "./EventLog.ts"
import { probeSubject, quarantineSubject, quarantineSubjects } from "./Names.ts"

/** Whether an entry of the log is quarantined: authentic input that is not a usable event. */
export const isQuarantined = ({ subject }: Pick<LoggedEntry, "subject">) =>
  subject.startsWith(quarantineSubject("")) && subject !== probeSubject

/** Why an entry was quarantined, such as `invalid_data`. */
export const reasonOf = ({ subject }: Pick<LoggedEntry, "subject">) =>
  subject.slice(quarantineSubject("").length)

/** All quarantined entries, or those of one reason, oldest first. */
export const all = (reason?: string) =>
  logEntries({ after: 0, filter: reason === undefined ? quarantineSubjects : quarantineSubject(reason) })
    .pipe(Stream.filter(isQuarantined))

/** The quarantined entries at these sequences, oldest first. Other sequences are left out. */
export const at = (sequences: ReadonlySet<number>) =>
  Stream.unwrap(
    Effect.map(EventLog, (log) =>
      Stream.fromIterable([...sequences].toSorted((a, b) => a - b)).pipe(
        Stream.mapEffect(log.get, { concurrency: 16 }),
        Stream.flatMap((found) => Stream.fromIterable(Option.toArray(found))),
        Stream.filter(isQuarantined)
      ))
  )
