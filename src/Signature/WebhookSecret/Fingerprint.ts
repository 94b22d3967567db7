import { Redacted } from "effect"
import { createHmac } from "node:crypto"

/**
 * Shows that two processes have the same secret without showing it. The key is derived from the secret for this purpose
 * alone, so no fingerprint is part of a signature. Another nonce gives another fingerprint.
 */
export const fingerprint = (secret: Redacted.Redacted<string>, nonce: string): string => {
  const key = createHmac("sha256", Redacted.value(secret)).update("threeqpr-events: fingerprint of a secret")
    .digest()
  return createHmac("sha256", key).update(nonce).digest("hex").slice(0, 16)
}
