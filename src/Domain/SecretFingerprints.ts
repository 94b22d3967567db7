import { Schema } from "effect"

/** The fingerprints of the webhook secrets that a process with the ingress role accepts now. */
export const SecretFingerprints = Schema.Struct({
  instance: Schema.String,
  fingerprints: Schema.Array(Schema.String)
})
export type SecretFingerprints = typeof SecretFingerprints.Type
