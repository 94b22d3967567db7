import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { SecretFingerprints } from "../../Domain/SecretFingerprints.ts"
import { Unavailable } from "./Problems.ts"

/** `/v1/webhook-secrets`: which secrets the receivers use, without showing them. */
export const WebhookSecrets = HttpApiGroup.make("webhookSecrets").add(
  HttpApiEndpoint.get("list", "/v1/webhook-secrets", {
    query: Schema.Struct({
      /** A random text of the caller, which the fingerprints depend on. */
      nonce: Schema.String.check(Schema.isPattern(/^[\w-]{16,64}$/, {
        expected: "16 to 64 letters, digits, _ and -"
      }))
    }),
    success: Schema.Struct({ instances: Schema.Array(SecretFingerprints) }),
    error: Unavailable
  }).annotate(OpenApi.Summary, "Fingerprints of the webhook secrets that each receiver uses")
).annotate(
  OpenApi.Description,
  "Whether receivers use the same webhook secrets as the caller, without showing one"
)
