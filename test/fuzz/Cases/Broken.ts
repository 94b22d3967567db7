import { Buffer } from "node:buffer"
import * as Signature from "../../../src/Signature/Signature.ts"
import { between, type Kind, pick } from "../Case.ts"
import { authentic, delivery, head, request, unreadLength, webhook } from "../Request.ts"

const someSignature = `${Signature.header}: sha256=${"0".repeat(64)}`

/** Clients that disconnect early, and clients that request something else. */
export const broken: ReadonlyArray<Kind> = [
  {
    kind: "gone within the head",
    weight: 1,
    make: (means) => {
      const request = delivery(means.ledger.event(), undefined)
      const end = pick(means.draw, ["half-close", "reset"] as const)
      return {
        steps: [request.subarray(0, between(means.draw, 1, 40)), 5, end],
        answers: [[400]],
        mayClose: true
      }
    }
  },
  {
    kind: "gone within the body",
    weight: 2,
    make: ({ draw }) => {
      const end = pick(draw, ["half-close", "reset"] as const)
      const lines = pick(draw, [["Content-Length: 1000"], ["Transfer-Encoding: chunked"]])
      return {
        steps: [head([...lines, someSignature]), Buffer.from("5\r\nhel"), between(draw, 0, 20), end],
        // Deno does not report that a client has closed its half during a body. The deadline ends such a request.
        answers: [[400, 408]],
        mayClose: true
      }
    }
  },
  {
    kind: "gone before the answer",
    weight: 2,
    make: (means) => {
      const body = means.ledger.event()
      return { steps: [authentic(means, body), "reset"], answers: [[200]], mayClose: true, bodies: [body] }
    }
  },
  {
    kind: "other method",
    weight: 2,
    make: (means) => ({
      steps: [
        request(
          `${pick(means.draw, ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])} ${webhook} HTTP/1.1`,
          Buffer.alloc(unreadLength(means))
        )
      ],
      answers: [[405]]
    })
  },
  {
    kind: "other path",
    weight: 2,
    make: (means) => ({
      steps: [
        request(
          `${pick(means.draw, ["GET", "POST"])} ${
            pick(means.draw, [
              "/",
              "/metrics",
              "/v1/scans",
              "/webhooks/3qpr//",
              "/webhooks/%33qpr",
              "//webhooks/3qpr",
              "/webhooks/../webhooks/3qpr",
              "/webhooks/3QPR",
              "/livez/",
              "/docs",
              "/openapi.json",
              "//user:secret@localhost/",
              "http://user:secret@localhost/elsewhere"
            ])
          } HTTP/1.1`,
          Buffer.alloc(unreadLength(means))
        )
      ],
      answers: [[404]]
    })
  },
  {
    kind: "health",
    weight: 1,
    make: ({ draw }) => ({
      steps: [head([], `GET ${pick(draw, ["/livez", "/readyz", "/livez?x=1"])} HTTP/1.1`)],
      answers: [[200]]
    })
  },
  {
    kind: "health by HEAD",
    weight: 1,
    make: ({ draw }) => ({
      steps: [head([], `HEAD ${pick(draw, ["/livez", "/readyz"])} HTTP/1.1`)],
      answers: [[200]],
      head: true
    })
  },
  {
    kind: "health by POST",
    weight: 1,
    make: (means) => ({
      steps: [
        request(
          `POST ${pick(means.draw, ["/livez", "/readyz"])} HTTP/1.1`,
          Buffer.alloc(unreadLength(means))
        )
      ],
      answers: [[405]]
    })
  }
]
