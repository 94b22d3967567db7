import { Buffer } from "node:buffer"
import type { EventSummary } from "../../Admin/Api/Events.ts"
import { parseExact } from "../../Domain/ExactJson.ts"
import { printable } from "../../Process/Printable.ts"
import type { Paint } from "../Output.ts"
import { shortTime } from "../Time.ts"

/** The columns in which people see events. */
export const columns = [
  { title: "SEQ", right: true },
  { title: "RECEIVED (UTC)" },
  { title: "TYPE" },
  { title: "ID" }
]

/** One event in these columns. */
export const cells = (event: EventSummary, { yellow }: Paint) => [
  String(event.sequence),
  shortTime(event.received_at),
  event.quarantined === null ? event.type ?? "" : yellow(event.quarantined),
  event.id
]

/** The signed bytes as text; what is not UTF-8 in them is replaced. */
export const textOf = ({ body_base64 = "" }: Pick<EventSummary, "body_base64">) =>
  Buffer.from(body_base64, "base64").toString("utf8")

/** A body as people read it: JSON with indents, anything else with its lines, neither with control characters. */
export const pretty = (text: string) => {
  try {
    return printable(JSON.stringify(parseExact(text), null, 2))
  } catch {
    return printable(text)
  }
}
