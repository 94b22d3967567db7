import { Buffer } from "node:buffer"
import type { EventSummary } from "../../Admin/Api/Events.ts"
import { parseExact } from "../../Domain/ExactJson.ts"
import { printable } from "../../Process/Printable.ts"
import type { Paint } from "../Output.ts"
import { shortTime } from "../Time.ts"

/** The columns of a table of events. */
export const columns = [
  { title: "SEQ", right: true },
  { title: "RECEIVED (UTC)" },
  { title: "TYPE" },
  { title: "ID" }
]

/** The cells of one event, in the order of these columns. */
export const cells = (event: EventSummary, { yellow }: Paint) => [
  String(event.sequence),
  shortTime(event.received_at),
  event.quarantined === null ? event.type ?? "" : yellow(event.quarantined),
  event.id
]

/** The signed body as text; bytes that are not UTF-8 are replaced. */
export const textOf = ({ body_base64 = "" }: Pick<EventSummary, "body_base64">) =>
  Buffer.from(body_base64, "base64").toString("utf8")

/** A body for people: indented JSON, or the text with its lines. Control characters are escaped. */
export const pretty = (text: string) => {
  try {
    return printable(JSON.stringify(parseExact(text), null, 2))
  } catch {
    return printable(text)
  }
}
