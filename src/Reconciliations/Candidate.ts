import { Predicate } from "effect"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { isEventId } from "../Domain/EventId.ts"
import { read } from "../Domain/Reading.ts"

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

/** A scan of 3QPR's list that cannot become an event, and why. */
export interface Unusable {
  readonly _tag: "Unusable"
  /** Null when the scan has no id that can be looked up. */
  readonly id: string | null
  readonly reason: string
}

/** Judges one scan by the rule for deliveries, and by what the database can store. Never throws. */
export const judge = (data: unknown): Candidate | Unusable => {
  const id = textIn(data, "id") ?? ""
  const isKey = id !== "" && id.length <= 255 && !notStorable.test(JSON.stringify(id))
  const text = textOf(data)
  if (text === undefined) return unusable(isKey ? id : null, "nested too deeply")
  const name = `reconciled:${id}`
  const event = isEventId(name) ? name : `reconciled:${createHash("sha256").update(id).digest("hex")}`
  const body = Buffer.from(`{"id":${JSON.stringify(event)},"event":"scan.created","data":${text}}`)
  const reading = read(body)
  if (reading._tag === "Unusable") return unusable(isKey ? id : null, reading.detail)
  if (!isKey || notStorable.test(text)) {
    return unusable(isKey ? id : null, "a text holds U+0000 or half of a surrogate pair")
  }
  const scannedAt = Date.parse(textIn(data, "scanned_at") ?? "")
  return {
    _tag: "Candidate",
    id,
    qprCodeId: textIn(data, "qpr_code_id"),
    scannedAt: Number.isNaN(scannedAt) ? undefined : scannedAt,
    event: { id: event, body }
  }
}

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

/** Escapes in the text of `JSON.stringify` that Postgres refuses: U+0000 and lone surrogates. */
const notStorable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/
