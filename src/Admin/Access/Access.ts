import { Context, Effect, Layer, Redacted, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerRespondable } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { createHash, timingSafeEqual } from "node:crypto"
import { isLoopback } from "../../Process/Config.ts"
import { Authorization, bearer } from "../Api/Authorization.ts"
import { Forbidden, ReadOnly, Unauthorized } from "../Api/Problems.ts"
import { isPage } from "../Dashboard.ts"
import * as FailedAuthentications from "./FailedAuthentications.ts"
import { isAllowed, isSafeName, nameOf, type Names } from "./Hosts.ts"

/** The private listener would be reachable from other machines without a token. */
export class TokenNeeded
  extends Schema.TaggedError<TokenNeeded>()("TokenNeeded", { message: Schema.String })
{}

export interface AccessOptions extends Names {
  /** The operators' token, which permits changes. */
  readonly token?: Redacted.Redacted<string> | undefined
  /** The token that permits reads only. */
  readonly readToken?: Redacted.Redacted<string> | undefined
}

/** Refuses to open the private listener to the network without a token. */
export const check = ({ host, token }: AccessOptions): Effect.Effect<void, TokenNeeded> =>
  token !== undefined || isLoopback(host) ? Effect.void : Effect.fail(
    new TokenNeeded({
      message:
        `ADMIN_HOST is ${host}, which other machines can reach. Set ADMIN_TOKEN (\`openssl rand -hex 24\` makes one), or use ADMIN_HOST=127.0.0.1.`
    })
  )

/**
 * Admits a request whose token permits it, or every request when no token is configured. Its `Host` must be a name
 * that no public page can have (DNS rebinding). It must not come from a page of another site (CSRF). Health checks
 * are open to all. Pages without data need no token either.
 *
 * The check runs before the router, because it also guards routes outside the contract: `/metrics`, `/openapi.json`,
 * and every path without a route. A middleware of the contract runs for its operations only.
 */
export const middleware = (options: AccessOptions) =>
  HttpRouter.middleware(
    Effect.map(FailedAuthentications.make, ({ missing, wrong }) =>
      Effect.fnUntraced(function*(handler) {
        const request = yield* HttpServerRequest.HttpServerRequest
        if (isHealth(request.url)) return yield* handler
        const given = yield* givenToken
        const problem = problemOf(request, given, options)
        if (problem === undefined) {
          return yield* Effect.provideService(handler, Admitted, !isPage(request.url))
        }
        if (problem._tag === "Unauthorized") yield* given === "" ? missing : wrong
        return yield* HttpServerRespondable.toResponse(problem)
      })),
    { global: true }
  )

/** Whether `middleware` has admitted the request to data. */
const Admitted = Context.Reference<boolean>("threeqpr-events/Admin/Access/Admitted", {
  defaultValue: () => false
})

/**
 * Closes each operation of the contract to requests that `middleware` has not admitted, wherever the contract is
 * mounted.
 */
export const layer = Layer.succeed(Authorization, {
  token: (operation) => Effect.andThen(isAdmitted, operation)
})

const isAdmitted = Effect.flatMap(Admitted, (admitted) => admitted ? Effect.void : refuse)

const refuse = Effect.suspend(() =>
  Effect.fail(
    new Unauthorized({
      detail: "This operation has no access check. This is a fault of the server."
    })
  )
)

/** The token of the request; empty when the request has none. */
const givenToken = HttpApiBuilder.securityDecode(bearer).pipe(
  // Only schemes that read their key from a query parameter use this service.
  Effect.provideService(HttpServerRequest.ParsedSearchParams, {}),
  Effect.map(Redacted.value)
)

const isHealth = (url: string) => /^\/(livez|readyz)(\?|$)/.test(url)

interface Asked {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string | undefined>>
}

const problemOf = ({ headers, method, url }: Asked, given: string, options: AccessOptions) => {
  const { readToken, token } = options
  const { host = "", origin } = headers
  const name = nameOf(host)
  if (!isSafeName(name, token !== undefined, options)) {
    return new Forbidden({ detail: wrongName(token !== undefined) })
  }
  if (origin !== undefined && !isOwn(origin, host, options)) {
    return new Forbidden({ detail: "The Origin header names another site." })
  }
  if (isFromAnotherPage(headers)) {
    return new Forbidden({
      detail: "The Sec-Fetch-Site header says that the request comes from another site."
    })
  }
  if (token === undefined || isPage(url)) return undefined
  // Compare both tokens, whichever matches, so that the response time reveals nothing.
  const [operates, reads] = [equal(given, token), readToken !== undefined && equal(given, readToken)]
  if (operates || (reads && isRead(method))) return undefined
  return reads
    ? new ReadOnly({
      detail: "This is the ADMIN_READ_TOKEN. It may only read. Send the ADMIN_TOKEN for changes."
    })
    : new Unauthorized({ detail: "Send the header `Authorization: Bearer <ADMIN_TOKEN>`." })
}

const wrongName = (guarded: boolean) =>
  `The Host header must be ${
    guarded ? "an address, the ADMIN_HOST, a name without a dot" : "localhost, 127.0.0.1, [::1]"
  } or one of ADMIN_ALLOWED_HOSTS.`

/**
 * Whether the request comes from a page of this listener. A proxy in front may replace the `Host` that the browser
 * sent.
 */
const isOwn = (origin: string, host: string, options: AccessOptions) => {
  const from = URL.parse(origin)
  return from?.host === host || isAllowed(from?.hostname ?? "", options)
}

/** Whether the method only reads. No GET changes anything. */
const isRead = (method: string) => method === "GET" || method === "HEAD"

/**
 * Whether a page of another site makes the request. Browsers send `Sec-Fetch-Site` also for images, scripts and
 * frames, which have no `Origin`. A followed link is allowed.
 */
const isFromAnotherPage = (headers: Asked["headers"]) =>
  ["cross-site", "same-site"].includes(headers["sec-fetch-site"] ?? "")
  && headers["sec-fetch-dest"] !== "document"

const equal = (given: string, expected: Redacted.Redacted<string>) =>
  timingSafeEqual(digest(given), digest(Redacted.value(expected)))

const digest = (text: string) => createHash("sha256").update(text).digest()
