import { Effect, Redacted, Schema } from "effect"
import { HttpRouter, HttpServerRequest } from "effect/http"
import { HttpServerRespondable } from "effect/http"
import { createHash, timingSafeEqual } from "node:crypto"
import { isLoopback } from "../../Process/Config.ts"
import { Forbidden, ReadOnly, Unauthorized } from "../Api/Problems.ts"
import { isPage } from "../Dashboard.ts"
import * as FailedAuthentications from "./FailedAuthentications.ts"
import { isAllowed, isSafeName, nameOf, type Names } from "./Hosts.ts"

/** The private listener would be open to others than this machine, without a token. */
export class TokenNeeded
  extends Schema.TaggedError<TokenNeeded>()("TokenNeeded", { message: Schema.String })
{}

export interface AccessOptions extends Names {
  /** Of operators, who may change things. */
  readonly token?: Redacted.Redacted<string> | undefined
  /** Of those who may only read. */
  readonly readToken?: Redacted.Redacted<string> | undefined
}

/** Refuses to open the private listener to the network without a token. */
export const check = ({ host, token }: AccessOptions): Effect.Effect<void, TokenNeeded> =>
  token !== undefined || isLoopback(host) ? Effect.void : Effect.fail(
    new TokenNeeded({
      message:
        `ADMIN_HOST is ${host}, which others can reach. Set ADMIN_TOKEN (\`openssl rand -hex 24\` makes one), or leave ADMIN_HOST at 127.0.0.1.`
    })
  )

/**
 * Admits a request that holds a token which permits it, if there is a token. Its `Host` must be a name that no public
 * page can have (DNS rebinding). It must not come from a page of another site (CSRF). Health is open to all. Pages without data need no
 * token either.
 */
export const middleware = (options: AccessOptions) =>
  HttpRouter.middleware(
    Effect.map(FailedAuthentications.make, ({ missing, wrong }) => (handler) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
        const problem = isHealth(request.url) ? undefined : problemOf(request, options)
        if (problem === undefined) {
          return handler
        }
        const response = HttpServerRespondable.toResponse(problem)
        if (problem._tag !== "Unauthorized") {
          return response
        }
        return Effect.andThen(tokenOf(request.headers) === "" ? missing : wrong, response)
      })),
    { global: true }
  )

const isHealth = (url: string) => /^\/(livez|readyz)(\?|$)/.test(url)

interface Asked {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string | undefined>>
}

const problemOf = ({ headers, method, url }: Asked, options: AccessOptions) => {
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
    return new Forbidden({ detail: "The Sec-Fetch-Site header says that another site's page asks." })
  }
  if (token === undefined || isPage(url)) return undefined
  const given = tokenOf(headers)
  // Both are compared, whichever fits, so that the time reveals nothing.
  const [operates, reads] = [equal(given, token), readToken !== undefined && equal(given, readToken)]
  if (operates || (reads && isRead(method))) return undefined
  return reads
    ? new ReadOnly({ detail: "This is the ADMIN_READ_TOKEN. Send the ADMIN_TOKEN to change something." })
    : new Unauthorized({ detail: "Send the header `Authorization: Bearer <ADMIN_TOKEN>`." })
}

const wrongName = (guarded: boolean) =>
  `The Host header must be ${
    guarded ? "an address, the ADMIN_HOST, a name without a dot" : "localhost, 127.0.0.1, [::1]"
  } or one of ADMIN_ALLOWED_HOSTS.`

/** Whether a page of ours asks. A proxy in front may replace the `Host` that the page's browser has sent. */
const isOwn = (origin: string, host: string, options: AccessOptions) => {
  const from = URL.parse(origin)
  return from?.host === host || isAllowed(from?.hostname ?? "", options)
}

/** The scheme's name has no case (RFC 9110). Empty when there is no token. */
const tokenOf = ({ authorization }: Asked["headers"]) =>
  /^bearer +(.*)$/i.exec(authorization ?? "")?.[1] ?? ""

/** No GET changes anything. */
const isRead = (method: string) => method === "GET" || method === "HEAD"

/** Browsers send it for images, scripts and frames too, which have no Origin. A followed link is allowed. */
const isFromAnotherPage = (headers: Asked["headers"]) =>
  ["cross-site", "same-site"].includes(headers["sec-fetch-site"] ?? "")
  && headers["sec-fetch-dest"] !== "document"

const equal = (given: string, expected: Redacted.Redacted<string>) =>
  timingSafeEqual(digest(given), digest(Redacted.value(expected)))

const digest = (text: string) => createHash("sha256").update(text).digest()
