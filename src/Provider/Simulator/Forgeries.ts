import { Effect, Random, Redacted } from "effect"
import { Buffer } from "node:buffer"
import * as Signature from "../../Signature/Signature.ts"
import { characters, type IdOf } from "./Draws.ts"
import type { FaultName } from "./Faults.ts"
import { scanOf } from "./World.ts"

/** A request that 3QPR never made. Its bytes identify it when a receiver has stored it. */
export interface Forgery {
  readonly fault: FaultName
  readonly bytes: Uint8Array
  /** Returns the value of the signature header, undefined for no header. Its argument is the webhook's own secret. */
  readonly signature: (secret: Redacted.Redacted<string>) => string | undefined
}

/** The forgeries that are sent along with an event. */
export const forgeries = Effect.fnUntraced(function*(
  idOf: IdOf,
  { bytes, happens, now }: {
    readonly bytes: Uint8Array
    readonly now: number
    readonly happens: (fault: FaultName) => Effect.Effect<boolean>
  }
) {
  const at = yield* Random.nextIntBetween(0, bytes.length - 1)
  const other = Redacted.make(`whsec_${yield* characters(32)}`)
  const chosen = yield* Effect.filter(
    ["tampered", "wrong-secret", "old-secret", "unsigned"] as const,
    happens
  )
  return yield* Effect.forEach(chosen, (fault): Effect.Effect<Forgery> =>
    fault === "tampered"
      ? Effect.succeed({
        fault,
        bytes: bytes.map((byte, index) => index === at ? byte ^ 1 : byte),
        signature: (secret) => Signature.sign(bytes, secret)
      })
      : Effect.map(invented(idOf, now), (bytes) => ({
        fault,
        bytes,
        signature: signatureOf[fault](bytes, other)
      })))
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
