import { Buffer } from "node:buffer"
import { timingSafeEqual } from "node:crypto"
import { hmacSha256 } from "./Hmac.ts"

/** The header that carries 3QPR's signature, in lower case as HTTP servers provide it. */
export const header = "x-3qpr-signature"

/**
 * Signs a body as 3QPR does: `sha256=` and the hex HMAC-SHA256 of the raw bytes. The key is the text of the secret,
 * unchanged. Source: 3QPR's guide "Receiving Webhooks".
 */
export const signatureOf = (body: Uint8Array, secret: string): string => `sha256=${hmacSha256(secret)(body)}`

/** Why a signature does not match. */
export type Problem = "ambiguous_signature" | "invalid_signature"

export interface Verifier {
  /**
   * Undefined when the signature matches the body under any active secret; otherwise the problem. Every secret is
   * tried, so the time does not depend on which one matches. Never throws.
   */
  (body: Uint8Array, signature: string): Problem | undefined
}

/** Whether a header's value is `sha256=` and 64 hex digits. */
export const isWellFormed = (signature: string) => wellFormed.test(signature)

/**
 * A verifier for the secrets that are active now; there are several during a rotation. `onMatch` receives the index
 * of the last secret that matches.
 */
export const verifierOf = (
  secrets: ReadonlyArray<string>,
  onMatch: (index: number) => void = () => {}
): Verifier => {
  const hmacs = secrets.map(hmacSha256)
  const given = Buffer.alloc(hexLength)
  const expected = Buffer.alloc(hexLength)
  return (body, signature) => {
    // HTTP servers join a repeated header with commas.
    if (signature.includes(",")) return "ambiguous_signature"
    if (!isWellFormed(signature)) return "invalid_signature"
    given.write(signature.slice(prefixLength).toLowerCase())
    let matched = -1
    let index = 0
    for (const hmac of hmacs) {
      expected.write(hmac(body))
      matched = timingSafeEqual(expected, given) ? index : matched
      index++
    }
    if (matched < 0) return "invalid_signature"
    onMatch(matched)
    return undefined
  }
}

const wellFormed = /^sha256=[0-9a-fA-F]{64}$/
const prefixLength = "sha256=".length
const hexLength = 64
