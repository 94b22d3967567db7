import { Stream } from "effect"
import { logEntries } from "./Entries.ts"
import type { LoggedEntry } from "./EventLog.ts"
import { probeSubject, quarantineSubject, quarantineSubjects } from "./Names.ts"

/** Whether an entry of the log is authentic input that was no event that we could use. */
export const isQuarantined = ({ subject }: Pick<LoggedEntry, "subject">) =>
  subject.startsWith(quarantineSubject("")) && subject !== probeSubject

/** Why an entry was quarantined when it came, such as `invalid_data`. */
export const reasonOf = ({ subject }: Pick<LoggedEntry, "subject">) =>
  subject.slice(quarantineSubject("").length)

/** Every quarantined entry, oldest first; of one reason, when one is given. */
export const all = (reason?: string) =>
  logEntries({ after: 0, filter: reason === undefined ? quarantineSubjects : quarantineSubject(reason) })
    .pipe(
      Stream.filter(isQuarantined),
      Stream.runCollect
    )
