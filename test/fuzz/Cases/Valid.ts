import { Buffer } from "node:buffer"
import * as Signature from "../../../src/Signature/Signature.ts"
import { between, type Kind, type Means, pick } from "../Case.ts"
import { authentic, chunk, delivery, head, lastChunk, pieces } from "../Request.ts"

const types = [
  "scan.created",
  "conversation.completed",
  "qpr_code.created",
  "subscription.upgraded",
  "subscription.cancelled",
  "menu.opened"
]

const event = ({ draw, ledger }: Means) =>
  ledger.event({ city: "x".repeat(between(draw, 0, 200)) }, pick(draw, types))

const one = (steps: ReadonlyArray<Uint8Array | number>, body: Uint8Array) => ({
  steps,
  answers: [[200]],
  bodies: [body]
})

/** What 3QPR, or a proxy in front of the receiver, could really send. */
export const valid: ReadonlyArray<Kind> = [
  {
    kind: "new event",
    weight: 20,
    make: (means) => {
      const body = event(means)
      return one([authentic(means, body)], body)
    }
  },
  {
    kind: "event again",
    weight: 6,
    make: (means) => {
      const body = means.ledger.recent.length > 0 ? pick(means.draw, means.ledger.recent) : event(means)
      return one([authentic(means, body)], body)
    }
  },
  {
    kind: "id with another body",
    weight: 2,
    make: (means) => {
      const first = event(means)
      const other = Buffer.from(first.toString().replace(`"city"`, `"town"`))
      return {
        steps: [authentic(means, first), authentic(means, other)],
        answers: [[200], [200]],
        bodies: [first, other]
      }
    }
  },
  {
    kind: "in pieces",
    weight: 5,
    make: (means) => {
      const body = event(means)
      const parts = pieces(means, authentic(means, body), 6)
      return one(parts.flatMap((part) => [part, between(means.draw, 0, 30)]), body)
    }
  },
  {
    kind: "chunked",
    weight: 5,
    make: (means) => {
      const { draw, ledger } = means
      const body = event(means)
      const extension = pick(draw, ["", ";a=b", `;a="b c"`])
      const end = pick(draw, [lastChunk, Buffer.from("0\r\nX-Trailer: 1\r\n\r\n")])
      const lines = ["Transfer-Encoding: chunked", `${Signature.header}: ${ledger.sign(body)}`]
      const chunks = pieces(means, body, 20).map((piece) => chunk(piece, extension))
      return one([head(lines), ...chunks, end], body)
    }
  },
  {
    kind: "one byte a chunk",
    weight: 1,
    make: (means) => {
      const body = event(means)
      const lines = ["Transfer-Encoding: chunked", `${Signature.header}: ${means.ledger.sign(body)}`]
      const chunks = [...body].map((byte) => chunk(Buffer.of(byte)))
      return one([head(lines), Buffer.concat([...chunks, lastChunk])], body)
    }
  },
  {
    kind: "pipelined",
    weight: 4,
    make: (means) => {
      const requests = Array.from({ length: between(means.draw, 2, 8) }, () => {
        const body = event(means)
        const forged = means.draw() < 0.3
        return {
          body: forged ? undefined : body,
          bytes: forged ? delivery(body, `sha256=${"0".repeat(64)}`) : authentic(means, body)
        }
      })
      const bytes = Buffer.concat(requests.map(({ bytes }) => bytes))
      return {
        steps: pieces(means, bytes, 3),
        answers: requests.map(({ body }) => [body === undefined ? 400 : 200]),
        bodies: requests.map(({ body }) => body)
      }
    }
  },
  {
    kind: "headers in other words",
    weight: 3,
    make: (means) => {
      const body = event(means)
      const signature = means.ledger.sign(body)
      const name = pick(means.draw, ["X-3QPR-SIGNATURE", "x-3qpr-signature", "X-3Qpr-Signature"])
      const value = pick(means.draw, [signature, `sha256=${signature.slice(7).toUpperCase()}`])
      const space = pick(means.draw, ["", " ", "\t", "   "])
      const lines = [
        `content-length:${body.length}`,
        `${name}:${space}${value}${space}`,
        "Content-Encoding: Identity",
        "X-Forwarded-For: 192.0.2.1, 192.0.2.2"
      ]
      return one([Buffer.concat([head(lines), body])], body)
    }
  },
  {
    kind: "asks before it sends",
    weight: 1,
    make: (means) => {
      const body = event(means)
      const lines = [
        "Expect: 100-continue",
        `Content-Length: ${body.length}`,
        `${Signature.header}: ${means.ledger.sign(body)}`
      ]
      return one([head(lines), 20, body], body)
    }
  },
  {
    kind: "HTTP/1.0",
    weight: 1,
    make: (means) => {
      const body = event(means)
      const lines = [`Content-Length: ${body.length}`, `${Signature.header}: ${means.ledger.sign(body)}`]
      return one([Buffer.concat([head(lines, "POST /webhooks/3qpr HTTP/1.0"), body])], body)
    }
  }
]
