import { Effect, Redacted } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { createHash, timingSafeEqual } from "node:crypto"
import * as RateLimits from "./RateLimits.ts"

export interface GateOptions {
  /** The accepted API key. */
  readonly key: Redacted.Redacted<string>
  /** Keys that get the status 403. */
  readonly revokedKeys?: ReadonlyArray<Redacted.Redacted<string>> | undefined
  /** Keys that get the status 402. */
  readonly keysWithoutPlan?: ReadonlyArray<Redacted.Redacted<string>> | undefined
  /** Default: the limits of 3QPR. */
  readonly limits?: RateLimits.Limits | undefined
}

/**
 * Accepts a request when its key is valid and has quota left. Every response states the remaining quota. Unknown keys
 * share one quota.
 */
export const gate = ({
  key,
  keysWithoutPlan = [],
  limits = RateLimits.limits,
  revokedKeys = []
}: GateOptions) => {
  const take = RateLimits.make(limits)
  const known = [
    { keys: [key], refusal: undefined },
    { keys: revokedKeys, refusal: problem(403, "forbidden", "The API key has been revoked.") },
    { keys: keysWithoutPlan, refusal: problem(402, "payment_required", "The plan does not include the API.") }
  ].flatMap(({ keys, refusal }) => keys.map((key) => ({ digest: digest(Redacted.value(key)), refusal })))
  const unknown = {
    digest: digest(""),
    refusal: problem(401, "unauthorized", "The API key is missing or not valid.")
  }

  return HttpRouter.middleware((handler) =>
    Effect.gen(function*() {
      const { headers, url } = yield* HttpServerRequest.HttpServerRequest
      const given = digest(/^Bearer (.+)$/i.exec(headers["authorization"] ?? "")?.[1] ?? "")
      const { digest: who, refusal } = known.find(({ digest }) => timingSafeEqual(digest, given)) ?? unknown
      const taken = yield* take(who.toString("hex"), quotaOf(url))
      const response = taken.refused
        ? problem(429, "rate_limited", "Too many requests.")
        : refusal ?? (yield* handler)
      return HttpServerResponse.setHeaders(response, taken.headers)
    }), { global: true })
}

/** An error response. 3QPR does not document the body of its own. */
export const problem = (status: number, code: string, message: string) =>
  HttpServerResponse.jsonUnsafe({ error: { code, message } }, { status })

const quotaOf = (url: string) =>
  /^\/v1\/scans(\?|$)/.test(url)
    ? "scans"
    : /^\/v1\/qpr-codes\/[^/]+\/analytics(\?|$)/.test(url)
    ? "analytics"
    : "other"

const digest = (text: string) => createHash("sha256").update(text).digest()
