import { Buffer } from "node:buffer"
import { between, bytesOf, type Kind, type Means, pick } from "../Case.ts"
import { head, pieces, request, unreadLength } from "../Request.ts"
import { framing, refused } from "./Framing.ts"

const targets = [
  "/v1/scans",
  "/v1/scans/%00",
  "/v1/events?bodies=true",
  "/v1/live",
  "/v1/status",
  "/v1/operations",
  "/v1/webhook-secrets?nonce=1",
  "/metrics",
  "/openapi.json",
  "/nope",
  "//v1/scans",
  "/./v1/scans",
  "/livez/../v1/scans",
  "/livez%2f..%2fv1%2fscans",
  "/dashboard%2f..%2fv1%2fscans",
  "/%761/scans",
  "/V1/scans",
  "http://127.0.0.1/v1/scans",
  "http://evil.example/v1/scans"
]

const posts = [
  "/v1/forget",
  "/v1/dead-letters/discard",
  "/v1/projections/scans/rebuild",
  "/v1/reconciliations"
]

/** Headers that a page, a redirect or a service that fetches URLs can add. None contains the token. */
const additions: ReadonlyArray<ReadonlyArray<string>> = [
  ...Array.from({ length: 6 }, () => []),
  ["Authorization: Bearer"],
  ["Authorization: Basic YWRtaW46YWRtaW4="],
  ["Authorization: Bearer of-another-person", "Authorization: Bearer of-another"],
  ["Cookie: token=of-another-person", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: localhost"],
  ["Origin: http://evil.example"],
  ["Origin: null"],
  ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"],
  ["Metadata-Flavor: Google"],
  ["X-HTTP-Method-Override: GET", "X-Original-URL: /livez", "X-Rewrite-URL: /livez"]
]

const forms = [
  { type: "application/json", text: `{"event_id":"evt_1","by":"a page","reason":"none","all":true}` },
  { type: "text/plain", text: `{"event_id":"evt_1","by":"a page","reason":"none"}` },
  { type: "application/x-www-form-urlencoded", text: "event_id=evt_1&by=a+page&reason=none" },
  { type: "application/json", text: "{" }
]

/** A request that needs the token, from a local client without it. */
const asked = (means: Means): Uint8Array => {
  const { draw } = means
  const more = pick(draw, additions)
  if (draw() < 0.6) {
    const method = pick(draw, ["GET", "GET", "GET", "DELETE", "OPTIONS", "PUT"])
    return request(`${method} ${pick(draw, targets)} HTTP/1.1`, Buffer.alloc(unreadLength(means)), more)
  }
  const { text, type } = pick(draw, forms)
  const body = Buffer.from(text.padEnd(unreadLength(means)))
  return request(`POST ${pick(draw, posts)} HTTP/1.1`, body, [`Content-Type: ${type}`, ...more])
}

const hosts = ["evil.example", "127.0.0.1.nip.example", "localhost.evil.example", "a.b"]

const live = { bytes: head([], "GET /livez HTTP/1.1"), statuses: [200] }

const withoutToken = [401, 403]

/**
 * The same kind at the private listener. It stores nothing there, and most requests are refused without the token.
 */
const there = ({ kind, make, weight }: Kind): Kind => ({
  kind: `private listener: ${kind}`,
  weight: Math.max(0.5, weight / 5),
  make: (means) => {
    const { answers, bodies: _, ...one } = make(means)
    return {
      ...one,
      listener: "private",
      mayClose: true,
      answers: Array.from({ length: Math.max(8, answers.length) }, () => [...refused, ...withoutToken])
    }
  }
})

/** A local client without the token, such as a service that fetches URLs from its users. */
export const privateListener: ReadonlyArray<Kind> = [
  ...framing.map(there),
  {
    kind: "local client without a token",
    weight: 6,
    make: (means) => ({ steps: [asked(means)], answers: [withoutToken], listener: "private" })
  },
  {
    kind: "local client under another name",
    weight: 1,
    make: ({ draw }) => ({
      steps: [
        Buffer.from(
          `GET ${pick(draw, ["/v1/scans", "/metrics"])} HTTP/1.1\r\nHost: ${pick(draw, hosts)}\r\n\r\n`
        )
      ],
      answers: [[403]],
      listener: "private"
    })
  },
  {
    kind: "request within a request",
    weight: 2,
    make: (means) => {
      // Requests that a line break in a URL lets a client add after its own.
      const all = Array.from(
        { length: between(means.draw, 2, 5) },
        () => means.draw() < 0.5 ? live : { bytes: asked(means), statuses: withoutToken }
      )
      return {
        steps: pieces(means, Buffer.concat(all.map(({ bytes }) => bytes)), 4),
        answers: all.map(({ statuses }) => statuses),
        listener: "private"
      }
    }
  },
  {
    kind: "another protocol",
    weight: 1,
    make: ({ draw }) => ({
      steps: [
        Buffer.concat([
          Buffer.from(
            pick(draw, ["*1\r\n$4\r\nINFO\r\n", "EHLO x\r\n", "CONNECT {}\r\nPING\r\n", "\x16\x03\x01"])
          ),
          bytesOf(draw, between(draw, 0, 40))
        ]),
        "half-close"
      ],
      answers: [refused],
      mayClose: true,
      listener: "private"
    })
  },
  {
    kind: "private listener: half closed",
    weight: 1,
    make: (means) => ({
      steps: [asked(means), "half-close"],
      answers: [withoutToken],
      mayClose: true,
      listener: "private"
    })
  }
]
