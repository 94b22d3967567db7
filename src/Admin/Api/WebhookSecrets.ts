import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { field, model } from "../../Domain/Documented.ts"
import { SecretFingerprints } from "../../Domain/SecretFingerprints.ts"
import { Unavailable } from "./Problems.ts"

const SecretsAnswer = model(
  "SecretFingerprintList",
  "The fingerprints of the webhook secrets of all receivers.",
  Schema.Struct({ instances: field(Schema.Array(SecretFingerprints), "The receivers that answered.") })
)

/** `/v1/webhook-secrets`: identifies the secrets that the receivers use, without disclosing them. */
export const WebhookSecretsApi = HttpApiGroup.make("webhookSecrets").add(
  HttpApiEndpoint.get("list", "/v1/webhook-secrets", {
    query: Schema.Struct({
      nonce: field(
        Schema.String.check(Schema.isPattern(/^[\w-]{16,64}$/u, {
          expected: "16 to 64 letters, digits, _ and -"
        })),
        "Random text from the caller, from which the fingerprints are computed: 16 to 64 letters, digits, `_` and `-`.",
        { example: "f3c1a9d07b2e4856" }
      )
    }),
    success: SecretsAnswer,
    error: Unavailable
  }).annotate(OpenApi.Summary, "Fingerprints of the webhook secrets that each receiver uses")
).annotate(
  OpenApi.Description,
  "Shows whether receivers use the same webhook secrets as the caller, without revealing them"
)
