import { Effect } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"

/**
 * Headers that tell browsers to run, load, frame and keep nothing of an answer. A page may run only the scripts
 * that stand in it; a part with its own policy or cache keeps it.
 */
export const middleware = HttpRouter.middleware(
  (handler) =>
    Effect.map(handler, (response) =>
      HttpServerResponse.setHeaders(response, {
        ...guards,
        "content-security-policy": policyOf(response),
        ...response.headers
      })),
  { global: true }
)

const guards = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store"
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

// The one page there is, /docs, is large and always the same object.
const policies = new WeakMap<object, string>()

/** Styles cannot do harm that is worth their hashes: Swagger's page sets them one by one. */
const policyOfPage = (html: string) => {
  const scripts = [...html.matchAll(/<script>([^]*?)<\/script>/g)].map(([, text = ""]) =>
    `'sha256-${createHash("sha256").update(text).digest("base64")}'`
  )
  return `${closed}; script-src ${scripts.join(" ") || "'none'"}; style-src 'unsafe-inline'; img-src data:; `
    + "connect-src 'self'"
}
