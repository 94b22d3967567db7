import { Redacted } from "effect"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import * as Signature from "../../src/Signature/Signature.ts"

/** The secret that is active, and one that is not. */
export const secret = Redacted.make("whsec_of the fuzzer, with = and ; in it")
export const otherSecret = Redacted.make("whsec_of_somebody_else")

export const hashOf = (body: Uint8Array) => createHash("sha256").update(body).digest("hex")

/** Remembers what was really signed, and what of it was answered 200. Keeps hashes, so that it can be long. */
export class Ledger {
  readonly run: string
  /** Hashes of all bodies that were sent with the signature that belongs to them. */
  readonly authentic = new Set<string>()
  /** The ids that were answered 200. */
  readonly stored = new Set<string>()
  /** The last events that were signed, to be sent again. */
  readonly recent: Array<Uint8Array> = []
  #count = 0

  constructor(run: string) {
    this.run = run
  }

  id() {
    return `evt_${this.run}_${++this.#count}`
  }

  /** The signature of a body; from now on it may be in the stream. */
  sign(body: Uint8Array): string {
    this.authentic.add(hashOf(body))
    if (body.length < 4_096 && this.recent.push(body) > 100) this.recent.shift()
    return Signature.sign(body, secret)
  }

  /** An event's bytes. */
  event(data: object = {}, type = "scan.created") {
    const id = this.id()
    return Buffer.from(JSON.stringify({ id, event: type, data: { id: `scan_of_${id}`, ...data } }))
  }
}
