import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { webhookPath } from "../../Domain/WebhookPath.ts"
import { failed, ok } from "./Finding.ts"
import { ask } from "./Http.ts"
import type { Subject } from "./Subject.ts"

/** Checks that the public listener belongs to threeqpr-events, refuses unsigned requests, and is ready. */
export const publicListener = Effect.fnUntraced(function*({ url }: Subject) {
  const [alive, readiness, unsigned] = yield* Effect.all([
    ask(HttpClientRequest.get(`${url}/livez`)),
    ask(HttpClientRequest.get(`${url}/readyz`)),
    ask(
      HttpClientRequest.post(`${url}${webhookPath}`).pipe(
        HttpClientRequest.bodyText("{}", "application/json")
      )
    )
  ], { concurrency: 3 })
  if (alive === undefined) {
    return failed(
      `nothing answers at ${url}`,
      "Start `threeqpr serve` with the role ingress, or set --url (or PORT) to its public listener."
    )
  }
  if (unsigned?.status !== 400 || !isMissingSignature(unsigned.body)) {
    const status = unsigned === undefined ? "not at all" : `with ${unsigned.status}`
    return failed(
      `another program listens on ${url}: it answers an unsigned webhook ${status}, not with 400 missing_signature`,
      "Stop that program, set another PORT, or set --url to the public listener."
    )
  }
  if (!isReadiness(readiness?.body)) {
    return failed(`${url} is the public listener, but /readyz does not answer`)
  }
  return readiness.body.ready
    ? ok(`${url} is ready and refuses unsigned requests`)
    : failed(
      `${url} is not ready: ${readiness.body.reason ?? "no reason given"}`,
      "Deliveries are answered 503, and 3QPR retries them. Fix the reported problem. The other checks show more."
    )
})

const isMissingSignature = Schema.is(Schema.Struct({ error: Schema.Literal("missing_signature") }))
const isReadiness = Schema.is(
  Schema.Struct({ ready: Schema.Boolean, reason: Schema.optional(Schema.String) })
)
