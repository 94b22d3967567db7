import { Predicate } from "effect"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { decodeDelivery } from "../../Domain/Decode.ts"
import { isEventId } from "../../Domain/EventId.ts"
import { listedCode } from "../../Domain/QprCode.ts"
import { toStored } from "../../Domain/StoredText.ts"

/** A scan of 3QPR's list that can become an event. */
export interface Candidate {
  readonly _tag: "Candidate"
  readonly id: string
  readonly qprCodeId: string | undefined
  /** Milliseconds since the epoch; undefined when 3QPR does not say. */
  readonly scannedAt: number | undefined
  /** The event that no webhook delivered. Its data are the scan as 3QPR's API gives it. */
  readonly event: { readonly id: string; readonly body: Uint8Array }
}

/** A code of 3QPR's list that can become an entry of the log. */
export interface CodeCandidate {
  readonly _tag: "CodeCandidate"
  readonly id: string
  /** The code as 3QPR's API gives it, as JSON. */
  readonly text: string
}

/** A row of 3QPR's list that cannot become an event, and why. */
export interface Unusable {
  readonly _tag: "Unusable"
  /** Null when the row has no id that can be looked up. */
  readonly id: string | null
  readonly reason: string
}

/** Judges one scan by the rule for deliveries. Never throws. */
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

/** Judges one code in the same way. */
export const judgeCode = (data: unknown): CodeCandidate | Unusable => {
  const judged = judgeAs(listedCode, data)
  return judged._tag === "Unusable" ? judged : { ...judged, _tag: "CodeCandidate" }
}

/**
 * The entry that says how 3QPR's list has a code. `state` is what is kept current, and `sequence` the entry that has made
 * the row (0 for none): the same change has the same id whoever finds it, and a state that comes back is a new entry.
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

// UTF-8 has one form for all halves of surrogate pairs.
const hashOf = (text: string) => createHash("sha256").update(toStored(text)).digest("hex")

const unusable = (id: string | null, reason: string): Unusable => ({
  _tag: "Unusable",
  id,
  reason: reason.slice(0, longest)
})

/** Of a reason that is kept and shown, in characters. */
const longest = 300

const textIn = (data: unknown, name: string) =>
  Predicate.hasProperty(data, name) && Predicate.isString(data[name]) ? data[name] : undefined

/** Undefined for nesting that `JSON.stringify` does not survive. */
const textOf = (data: unknown) => {
  try {
    return JSON.stringify(data)
  } catch {
    return undefined
  }
}
