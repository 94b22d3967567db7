import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import * as Rejections from "../../Ingress/RecentRejections.ts"
import { Api } from "../Api.ts"
import { orUnavailable } from "../Api/Problems.ts"
import { whileConnected } from "../Rejections/RejectionsHandlers.ts"

/** The handler of `/v1/webhook-secrets`. It queries every process with the ingress role. */
export const WebhookSecretsHandlers = HttpApiBuilder.group(
  Api,
  "webhookSecrets",
  Effect.fnUntraced(function*(handlers) {
    return handlers.handle(
      "list",
      ({ query: { nonce } }) =>
        whileConnected(
          orUnavailable(Effect.map(Rejections.fingerprints(nonce), (instances) => ({ instances })))
        )
    )
  })
)
