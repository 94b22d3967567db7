import { Predicate } from "effect"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { decodeDelivery } from "../../Domain/Decode.ts"
import { isEventId } from "../../Domain/EventId.ts"
import { listedCode } from "../../Domain/QprCode.ts"
import { toStored } from "../../Domain/StoredText.ts"

/** A scan in 3QPR's list that can become an event. */
export interface Candidate {
  readonly _tag: "Candidate"
  readonly id: string
  readonly qprCodeId: string | undefined
  /** Milliseconds since the epoch. Undefined if 3QPR gives no valid time. */
  readonly scannedAt: number | undefined
  /** The event to append, which no webhook delivered. Its data is the scan as 3QPR's API returns it. */
  readonly event: { readonly id: string; readonly body: Uint8Array }
}

/** A code in 3QPR's list that can become an entry of the log. */
export interface CodeCandidate {
  readonly _tag: "CodeCandidate"
  readonly id: string
  /** The code as 3QPR's API returns it, as JSON. */
  readonly text: string
}

/** An item of 3QPR's list that cannot become an event, with the reason. */
export interface Unusable {
  readonly _tag: "Unusable"
  /** Null if the item has no usable id. */
  readonly id: string | null
  readonly reason: string
}

/** Validates a scan by the rules for deliveries. Never throws. */
export const judge = (data: unknown): Candidate | Unusable => {
  const judged = judgeAs("scan.created", data)
  if (judged._tag === "Unusable") return judged
  const { id, text } = judged
  const event = `reconciled:${id}`
  const scannedAt = Date.parse(textIn(data, "scanned_at") ?? "")
  return {
    _tag: "Candidate",
    id,
    qprCodeId: textIn(data, "qpr_code_id"),
    scannedAt: Number.isNaN(scannedAt) ? undefined : scannedAt,
    event: eventOf(isEventId(event) ? event : `reconciled:${hashOf(id)}`, "scan.created", text)
  }
}

/** Validates a code by the same rules. */
export const judgeCode = (data: unknown): CodeCandidate | Unusable => {
  const judged = judgeAs(listedCode, data)
  return judged._tag === "Unusable" ? judged : { ...judged, _tag: "CodeCandidate" }
}

/**
 * The entry with a code as 3QPR lists it. `state` has the compared fields, and `sequence` is the entry of the present
 * row (0 for none). Both determine the id. So each process that finds a change creates the same id, and a return to
 * an earlier state creates a new one.
 */
export const codeListed = ({ id, text }: CodeCandidate, state: string, sequence: number) =>
  eventOf(`reconciled:qpr_code:${hashOf(JSON.stringify([id, sequence, state]))}`, listedCode, text)

interface Usable {
  readonly _tag: "Usable"
  readonly id: string
  readonly text: string
}

const judgeAs = (type: string, data: unknown): Usable | Unusable => {
  const id = textIn(data, "id") ?? ""
  const isKey = id !== "" && id.length <= 255
  const text = textOf(data)
  if (text === undefined) return unusable(isKey ? id : null, "nested too deeply")
  const reading = decodeDelivery(eventOf("reconciled", type, text).body)
  if (reading._tag === "Unusable") return unusable(isKey ? id : null, reading.detail)
  return { _tag: "Usable", id, text }
}

const eventOf = (id: string, type: string, data: string) => ({
  id,
  body: Buffer.from(`{"id":${JSON.stringify(id)},"event":${JSON.stringify(type)},"data":${data}}`)
})

// UTF-8 encodes every unpaired surrogate as the same bytes. `toStored` keeps such texts distinct.
const hashOf = (text: string) => createHash("sha256").update(toStored(text)).digest("hex")

const unusable = (id: string | null, reason: string): Unusable => ({
  _tag: "Unusable",
  id,
  reason: reason.slice(0, longest)
})

/** Maximum length of a stored reason, in characters. */
const longest = 300

const textIn = (data: unknown, name: string) =>
  Predicate.hasProperty(data, name) && Predicate.isString(data[name]) ? data[name] : undefined

/** Undefined if the data is nested too deeply for `JSON.stringify`. */
const textOf = (data: unknown) => {
  try {
    return JSON.stringify(data)
  } catch {
    return undefined
  }
}
