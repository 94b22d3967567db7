import { Effect } from "effect"
import {
  EventLog,
  type LoggedEntry,
  probeSubject,
  quarantineSubject,
  quarantineSubjects
} from "./EventLog.ts"

/** Whether an entry of the log is authentic input that was no event that we could use. */
export const isQuarantined = ({ subject }: Pick<LoggedEntry, "subject">) =>
  subject.startsWith(quarantineSubject("")) && subject !== probeSubject

/** Why an entry was quarantined when it came, such as `invalid_data`. */
export const reasonOf = ({ subject }: Pick<LoggedEntry, "subject">) =>
  subject.slice(quarantineSubject("").length)

/** Every quarantined entry, oldest first; of one reason, when one is given. */
export const all = Effect.fn("Quarantine.all")(function*(reason?: string) {
  const log = yield* EventLog
  const filter = reason === undefined ? quarantineSubjects : quarantineSubject(reason)
  const found: Array<LoggedEntry> = []
  for (let after = 0;;) {
    const part = yield* log.read({ after, limit: 1_000, filter })
    const last = part.at(-1)
    if (last === undefined) return found
    found.push(...part.filter(isQuarantined))
    after = last.sequence
  }
})
