import { Effect, type Redacted, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { randomBytes } from "node:crypto"
import { SecretFingerprints } from "../../Domain/SecretFingerprints.ts"
import { withKept } from "../../Process/AdminToken.ts"
import type { Config } from "../../Process/Config.ts"
import { fingerprint } from "../../Signature/WebhookSecret/Fingerprint.ts"
import { askPrivate } from "./Http.ts"

/**
 * The receivers behind a private listener whose secrets differ from these, by host and process id. Undefined when
 * none can be queried: no process runs there, its version is older, or it refuses the token.
 */
export const receiversWithOthers = Effect.fnUntraced(function*(
  config: Config,
  adminUrl: string,
  secrets: ReadonlyArray<Redacted.Redacted<string>>
) {
  const nonce = randomBytes(16).toString("hex")
  const request = HttpClientRequest.get(`${adminUrl}/v1/webhook-secrets?nonce=${nonce}`)
  const answer = yield* askPrivate(request, yield* withKept(config, adminUrl))
  if (answer?.status !== 200 || !isAnswer(answer.body) || answer.body.instances.length === 0) return undefined
  const own = secrets.map((secret) => fingerprint(secret, nonce)).toSorted().join()
  return answer.body.instances.filter(({ fingerprints }) => fingerprints.toSorted().join() !== own)
    .map(({ instance }) => instance)
})

const isAnswer = Schema.is(Schema.Struct({ instances: Schema.Array(SecretFingerprints) }))

/** The remedy when the secret that a command finds is not the one that receivers use. */
export const remedy =
  "Restart it with the secret that is set here, or run this command with its settings: in its working folder "
  + "(for `.env`), with its environment, or with its --data-dir."
