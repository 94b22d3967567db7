import { Redacted } from "effect"
import { Buffer } from "node:buffer"
import * as Signature from "../../src/Signature/Signature.ts"

/** The secret with which the tests sign. */
export const secret = Redacted.make("whsec_of_the_tests")

/** A signed delivery: the body, and the value of the signature header. */
export const signed = (body: string | Uint8Array) => {
  const bytes = typeof body === "string" ? Buffer.from(body) : body
  return { body: bytes, signature: Signature.sign(bytes, secret) }
}

/** A `scan.created` event with this id, about the scan `scan_of_<id>`. */
export const scanCreated = (id: string, data: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({ id, event: "scan.created", data: { id: `scan_of_${id}`, ...data } })

/** The example scan of 3QPR's API reference. */
export const scanOfTheReference = {
  id: "scan_01HABC",
  qpr_code_id: "qpr_01HXYZ789ABC",
  short_id: "hc9m3r",
  scanned_at: "2026-03-20T15:30:00Z",
  country: "US",
  region: "CA",
  city: "San Francisco",
  device: "mobile",
  conversation_started: true,
  conversation_messages: 6,
  metadata: {}
}
