import { Redacted } from "effect"
import { createHmac } from "node:crypto"

/**
 * Proves that two processes have the same secret, without disclosing it. The key is derived from the secret for this
 * purpose only, so no fingerprint is part of a signature. Each nonce gives a different fingerprint.
 */
export const fingerprint = (secret: Redacted.Redacted<string>, nonce: string): string => {
  const key = createHmac("sha256", Redacted.value(secret)).update("threeqpr-events: fingerprint of a secret")
    .digest()
  return createHmac("sha256", key).update(nonce).digest("hex").slice(0, 16)
}
