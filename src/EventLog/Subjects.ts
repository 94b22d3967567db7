import type { Census } from "./EventLog.ts"
import { eventSubject, probeSubject } from "./Names.ts"

/** Whether a subject matches a NATS filter: `*` matches one token, `>` one or more at the end. */
export const matches = (filter: string | undefined, subject: string) => {
  if (filter === undefined) return true
  const wanted = filter.split(".")
  const tokens = subject.split(".")
  return wanted.every((token, at) =>
    token === ">" ? tokens.length > at : token === "*" ? at < tokens.length : token === tokens[at]
  ) && (wanted.at(-1) === ">" || wanted.length === tokens.length)
}

/** Number of entries of a census that match a filter, without the log's own probes. */
export const countIn = ({ subjects }: Census, filter: string) =>
  Object.entries(subjects).reduce(
    (sum, [subject, count]) => subject !== probeSubject && matches(filter, subject) ? sum + count : sum,
    0
  )

/** The subject filter for events of these types: the subject of one type, or the shared prefix of several. */
export const filterOf = ({ types: [first = "", ...others] }: {
  readonly types: ReadonlyArray<string>
}) => {
  if (others.length === 0) return eventSubject(first)
  const own = first.split(".")
  const shared = own.findIndex((word, at) =>
    others.concat(first).map((type) => type.split(".")).some((words) =>
      words[at] !== word || at === words.length - 1
    )
  )
  return eventSubject([...own.slice(0, shared), ">"].join("."))
}
