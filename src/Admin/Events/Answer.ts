import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { eventOf } from "../../EventLog/Delivered.ts"
import type { LoggedEntry } from "../../EventLog/EventLog.ts"
import { quarantineSubject } from "../../EventLog/Names.ts"
import type { EventDetail, EventSummary } from "../Api/Events.ts"

/** An entry as `/v1/events` lists it, with or without its body. */
export const summaryOf = (entry: LoggedEntry, withBody: boolean): EventSummary => ({
  ...about(entry),
  ...(withBody && signedOf(entry))
})

/** Everything that the log holds about one entry. */
export const detailOf = (entry: LoggedEntry): EventDetail => ({
  ...about(entry),
  ...signedOf(entry),
  subject: entry.subject,
  headers: entry.headers
})

const about = (entry: LoggedEntry) => {
  const { body, id, receivedAt, sequence, subject, type } = eventOf(entry)
  return {
    sequence,
    id,
    type: type.startsWith(quarantineSubject("")) ? null : type,
    quarantined: subject.startsWith(quarantineSubject(""))
      ? subject.slice(quarantineSubject("").length)
      : null,
    received_at: receivedAt,
    size: body.length,
    sha256: createHash("sha256").update(body).digest("hex")
  }
}

/** The signature and the body of an entry. */
export const signedOf = ({ body, headers }: Pick<LoggedEntry, "body" | "headers">) => ({
  signature: headers["3qpr-signature"] ?? "",
  body_base64: Buffer.from(body).toString("base64")
})
