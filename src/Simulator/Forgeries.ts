import { Effect, Random, Redacted } from "effect"
import { Buffer } from "node:buffer"
import * as Signature from "../Signature.ts"
import { characters, type IdOf } from "./Draws.ts"
import type { FaultName } from "./Faults.ts"
import { scanOf } from "./World.ts"

/** A request that 3QPR never made. A receiver that keeps it can be told by its bytes. */
export interface Forgery {
  readonly fault: FaultName
  readonly bytes: Uint8Array
  /** The value of the signature header, none without one. The webhook's own secret is given. */
  readonly signature: (secret: Redacted.Redacted<string>) => string | undefined
}

/** The forgeries that come along with an event. */
export const forgeries = Effect.fnUntraced(function*(
  idOf: IdOf,
  { bytes, happens, now }: {
    readonly bytes: Uint8Array
    readonly now: number
    readonly happens: (fault: FaultName) => Effect.Effect<boolean>
  }
) {
  const forged: Array<Forgery> = []
  const at = yield* Random.nextIntBetween(0, bytes.length - 1)
  const other = Redacted.make(`whsec_${yield* characters(32)}`)
  if (yield* happens("tampered")) {
    forged.push({
      fault: "tampered",
      bytes: bytes.map((byte, index) => index === at ? byte ^ 1 : byte),
      signature: (secret) => Signature.sign(bytes, secret)
    })
  }
  for (const fault of ["wrong-secret", "old-secret", "unsigned"] as const) {
    if (!(yield* happens(fault))) continue
    const body = yield* invented(idOf, now)
    forged.push({ fault, bytes: body, signature: signatureOf[fault](body, other) })
  }
  return forged
})

const oldSecret = Redacted.make("whsec_the_secret_before_the_last_rotation")

const signatureOf = {
  "wrong-secret": (body: Uint8Array, other: Redacted.Redacted<string>) => () => Signature.sign(body, other),
  "old-secret": (body: Uint8Array) => () => Signature.sign(body, oldSecret),
  unsigned: () => () => undefined
}

const invented = Effect.fnUntraced(function*(idOf: IdOf, now: number) {
  const id = yield* idOf("evt")
  const scan = yield* scanOf({ idOf, now, started: false })
  return Buffer.from(JSON.stringify({ id, event: "scan.created", data: scan }))
})
