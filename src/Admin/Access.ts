import { Effect, Redacted, Schema } from "effect"
import { HttpRouter, HttpServerRequest } from "effect/http"
import { HttpServerRespondable } from "effect/http"
import { createHash, timingSafeEqual } from "node:crypto"
import { isLoopback } from "../Config.ts"
import { isPage } from "./Dashboard.ts"
import { Forbidden, Unauthorized } from "./Problems.ts"

/** The private listener would be open to others than this machine, without a token. */
export class TokenNeeded
  extends Schema.TaggedError<TokenNeeded>()("TokenNeeded", { message: Schema.String })
{}

export interface AccessOptions {
  readonly host: string
  readonly token?: Redacted.Redacted<string> | undefined
}

/** Refuses to open the private listener to the network without a token. */
export const check = ({ host, token }: AccessOptions): Effect.Effect<void, TokenNeeded> =>
  token !== undefined || isLoopback(host) ? Effect.void : Effect.fail(
    new TokenNeeded({
      message:
        `ADMIN_HOST is ${host}, which others can reach. Set ADMIN_TOKEN, or leave ADMIN_HOST at 127.0.0.1.`
    })
  )

/**
 * Lets a request in when it holds the token (if there is one), comes under a name of this machine (if
 * there is none: DNS rebinding) and not from another site's page (CSRF). Health is open to all; the dashboard's
 * page, which holds no data and asks for the token itself, needs none.
 */
export const middleware = ({ token }: AccessOptions) =>
  HttpRouter.middleware((handler) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const problem = isHealth(request.url) ? undefined : problemOf(request, token)
      return problem ? HttpServerRespondable.toResponse(problem) : handler
    }), { global: true })

const isHealth = (url: string) => /^\/(livez|readyz)(\?|$)/.test(url)

interface Asked {
  readonly url: string
  readonly headers: Readonly<Record<string, string | undefined>>
}

const problemOf = ({ headers, url }: Asked, token: AccessOptions["token"]) => {
  const { authorization, host = "", origin } = headers
  if (origin !== undefined && URL.parse(origin)?.host !== host) {
    return new Forbidden({ detail: "The Origin header names another site." })
  }
  if (token === undefined) {
    return isLoopback(host.replace(/:\d+$/, ""))
      ? undefined
      : new Forbidden({ detail: "The Host header must be localhost, 127.0.0.1 or [::1]." })
  }
  if (isPage(url)) return undefined
  return authorization?.startsWith("Bearer ") && equal(authorization.slice(7), Redacted.value(token))
    ? undefined
    : new Unauthorized({ detail: "Send the header `Authorization: Bearer <ADMIN_TOKEN>`." })
}

const equal = (given: string, expected: string) => timingSafeEqual(digest(given), digest(expected))

const digest = (text: string) => createHash("sha256").update(text).digest()
