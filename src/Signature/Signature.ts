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

/** Signs a body as 3QPR does, with a redacted secret. */
export const sign = (body: Uint8Array, secret: Redacted.Redacted<string>): string =>
  signatureOf(body, Redacted.value(secret))

/**
 * A verifier for the secrets that are active now; there are several during a rotation. `onMatch` receives the index
 * of the last secret that matches.
 */
export const verifier = (
  secrets: ReadonlyArray<Redacted.Redacted<string>>,
  onMatch?: (index: number) => void
): Verifier => verifierOf(secrets.map(Redacted.value), onMatch)
