/**
 * Room `Signature`: sign, verify, explain a mismatch, rotate secrets.
 *
 * Promises: Only a body whose raw bytes were signed with an active secret is genuine. Comparisons take constant time.
 *
 * May use: `Domain`, `Process`.
 */
import { Redacted } from "effect"
import { signatureOf, type Verifier, verifierOf } from "./Verifier.ts"

export { header, isWellFormed, type Problem, type Verifier } from "./Verifier.ts"

/** Signs a body as 3QPR does, with a secret that no log shows. */
export const sign = (body: Uint8Array, secret: Redacted.Redacted<string>): string =>
  signatureOf(body, Redacted.value(secret))

/**
 * A verifier for the secrets that are active now; several while a secret is being rotated. `onMatch` gets the
 * index of the last secret that fits.
 */
export const verifier = (
  secrets: ReadonlyArray<Redacted.Redacted<string>>,
  onMatch?: (index: number) => void
): Verifier => verifierOf(secrets.map(Redacted.value), onMatch)
