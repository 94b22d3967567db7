import { Effect } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"

/**
 * Adds headers that forbid browsers to run, load, frame or cache a response. A page may run only its inline scripts.
 * A response that already has its own policy or cache header keeps it.
 */
export const middleware = HttpRouter.middleware(
  (handler) =>
    Effect.map(handler, (response) =>
      HttpServerResponse.setHeaders(response, {
        ...guards,
        "cache-control": "no-store",
        "content-security-policy": policyOf(response),
        ...response.headers
      })),
  { global: true }
)

/** Headers that forbid browsers to load or frame a response. */
export const guards = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin"
}

const closed = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const policyOf = (response: HttpServerResponse.HttpServerResponse): string => {
  const { body } = response
  if (body._tag !== "Uint8Array" || !body.contentType?.startsWith("text/html")) return closed
  const known = policies.get(body)
  if (known !== undefined) return known
  const policy = policyOfPage(Buffer.from(body.body).toString())
  policies.set(body, policy)
  return policy
}

// `/docs`, the only page, is large and always the same object, so its policy is computed once.
const policies = new WeakMap<object, string>()

/**
 * The policy of a page. Inline styles are allowed without hashes: they can do little harm, and Swagger's page sets
 * them one by one.
 */
const policyOfPage = (html: string) => {
  const scripts = [...html.matchAll(/<script>([^]*?)<\/script>/g)].map(([, text = ""]) =>
    `'sha256-${createHash("sha256").update(text).digest("base64")}'`
  )
  return `${closed}; script-src ${scripts.join(" ") || "'none'"}; style-src 'unsafe-inline'; img-src data:; `
    + "connect-src 'self'"
}
