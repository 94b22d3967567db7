import { Schema } from "effect"
import { field, model } from "./Documented.ts"

/** The fingerprints of the webhook secrets that a process with the ingress role accepts now. */
export const SecretFingerprints = model(
  "SecretFingerprints",
  "The fingerprints of the webhook secrets that one receiver accepts now.",
  Schema.Struct({
    instance: field(Schema.String, "Host and process id of the receiver."),
    fingerprints: field(
      Schema.Array(Schema.String),
      "One fingerprint for each secret. It depends on the nonce."
    )
  })
)
export type SecretFingerprints = typeof SecretFingerprints.Type
