import { Redacted } from "effect"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import * as Signature from "../../src/Signature/Signature.ts"

/** The active secret, and an inactive one. */
export const secret = Redacted.make("whsec_of the fuzzer, with = and ; in it")
export const otherSecret = Redacted.make("whsec_of_somebody_else")

export const hashOf = (body: Uint8Array) => createHash("sha256").update(body).digest("hex")

/** Records which bodies were really signed, and which ids were answered 200. It stores hashes to save memory. */
export class Ledger {
  readonly run: string
  /** Hashes of all bodies that were sent with their right signature. */
  readonly authentic = new Set<string>()
  /** Ids that were answered 200. */
  readonly stored = new Set<string>()
  /** The last signed bodies, to be sent again. */
  readonly recent: Array<Uint8Array> = []
  #count = 0

  constructor(run: string) {
    this.run = run
  }

  id() {
    return `evt_${this.run}_${++this.#count}`
  }

  /** Signs a body. From now on the stream may contain it. */
  sign(body: Uint8Array): string {
    this.authentic.add(hashOf(body))
    if (body.length < 4_096 && this.recent.push(body) > 100) this.recent.shift()
    return Signature.sign(body, secret)
  }

  /** The bytes of a new event. */
  event(data: object = {}, type = "scan.created") {
    const id = this.id()
    return Buffer.from(JSON.stringify({ id, event: type, data: { id: `scan_of_${id}`, ...data } }))
  }
}
