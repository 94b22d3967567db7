import { Stream } from "effect"
import { logEntries } from "./Entries.ts"
import type { LoggedEntry } from "./EventLog.ts"
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
    .pipe(
      Stream.filter(isQuarantined),
      Stream.runCollect
    )
