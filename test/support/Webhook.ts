import { Redacted } from "effect"
import { Buffer } from "node:buffer"
import * as Signature from "../../src/Signature.ts"

/** The secret that tests sign with. */
export const secret = Redacted.make("whsec_of_the_tests")

/** A signed delivery: the bytes and the header that 3QPR would send. */
export const signed = (body: string | Uint8Array) => {
  const bytes = typeof body === "string" ? Buffer.from(body) : body
  return { body: bytes, signature: Signature.sign(bytes, secret) }
}

/** A `scan.created` event with this id, about a scan that is called like it. */
export const scanCreated = (id: string, data: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({ id, event: "scan.created", data: { id: `scan_of_${id}`, ...data } })
