import { Buffer } from "node:buffer"
import * as Signature from "../../../src/Signature/Signature.ts"
import { between, bytesOf, type Kind, type Means, pick } from "../Case.ts"
import { secret } from "../Ledger.ts"
import { authentic, head } from "../Request.ts"

/** Statuses of refusals: neither a success nor a 500. */
export const refused = [400, 404, 405, 408, 411, 413, 414, 415, 417, 426, 431, 501, 505]

/** A request whose end is ambiguous. The event hidden in it has a valid signature, but must not be stored. */
const smuggled = (means: Means, lines: ReadonlyArray<string>) => {
  const hidden = means.ledger.event({ smuggled: true })
  const signature = `${Signature.header}: ${Signature.sign(hidden, secret)}`
  const body = Buffer.from("0\r\n\r\n")
  return {
    steps: [
      head([...lines.map((line) => line.replace("LENGTH", String(body.length))), signature]),
      body,
      "half-close" as const
    ],
    answers: [refused],
    mayClose: true
  }
}

const lengths: ReadonlyArray<ReadonlyArray<string>> = [
  ["Content-Length: LENGTH", "Transfer-Encoding: chunked"],
  ["Transfer-Encoding: chunked", "Content-Length: LENGTH"],
  ["Content-Length: LENGTH", "Content-Length: 6"],
  ["Content-Length: 5, 5"],
  ["Content-Length: +5"],
  ["Content-Length: -5"],
  ["Content-Length: 0x5"],
  ["Content-Length: 5 5"],
  ["Content-Length:"],
  ["Content-Length : 5"],
  ["Transfer-Encoding: xchunked"],
  ["Transfer-Encoding: chunked, identity"],
  ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
  ["Transfer-Encoding: gzip, chunked"],
  ["Transfer-Encoding : chunked"],
  ["Transfer-Encoding:\u000bchunked"],
  ["Content-Length: LENGTH", "X: a\r\n Transfer-Encoding: chunked"]
]

const heads: ReadonlyArray<string> = [
  "NONSENSE\r\n\r\n",
  "POST\r\n\r\n",
  "POST /webhooks/3qpr\r\n\r\n",
  "POST /webhooks/3qpr HTTP/0.9\r\n\r\n",
  "POST /webhooks/3qpr HTTP/1.1\r\n\r\n",
  "POST /webhooks/3qpr HTTP/3.0\r\nHost: x\r\n\r\n",
  "post /webhooks/3qpr HTTP/1.1\r\nHost: x\r\n\r\n",
  "POST /webhooks/3qpr HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
  "POST /webhooks/3qpr HTTP/1.1\nHost: x\n\n",
  "POST /webhooks/3qpr HTTP/1.1\r\nHost: x\r\n: no name\r\n\r\n",
  "POST /webhooks/3qpr HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
  "POST /webhooks/3qpr HTTP/1.1\r\nHost: x\r\nX: a\u0000b\r\n\r\n",
  "POST /webhooks/3qpr HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
  "POST  /webhooks/3qpr  HTTP/1.1\r\nHost: x\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n",
  "GET /webhooks/3qpr HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  "GET /webhooks/3qpr HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
  "\r\n\r\n\r\n",
  "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003"
]

export const framing: ReadonlyArray<Kind> = [
  {
    kind: "ambiguous length",
    weight: 4,
    make: (means) => smuggled(means, pick(means.draw, lengths))
  },
  {
    kind: "no HTTP",
    weight: 4,
    make: ({ draw }) => ({
      steps: [Buffer.from(pick(draw, heads), "latin1"), "half-close"],
      answers: [refused],
      mayClose: true
    })
  },
  {
    kind: "noise",
    weight: 2,
    make: ({ draw }) => ({
      steps: [bytesOf(draw, between(draw, 1, 2_000)), "half-close"],
      answers: [refused],
      mayClose: true
    })
  },
  {
    kind: "head too long",
    weight: 1,
    make: ({ draw }) => {
      const long = "x".repeat(between(draw, 20_000, 70_000))
      return {
        steps: [
          pick(draw, [
            head([`X: ${long}`]),
            head([], `POST /${long} HTTP/1.1`),
            head([`${long}: x`]),
            head(Array.from({ length: 3_000 }, (_, index) => `X-${index}: ${index}`))
          ])
        ],
        answers: [[431, 400, 413, 414]],
        mayClose: true
      }
    }
  },
  {
    kind: "length that lies",
    weight: 2,
    make: (means) => {
      const body = means.ledger.event({ lies: true })
      const by = pick(means.draw, [-10, -1])
      const lines = [
        `Content-Length: ${body.length + by}`,
        `${Signature.header}: ${Signature.sign(body, secret)}`
      ]
      return { steps: [head(lines), body, "half-close"], answers: [[400], [400]], mayClose: true }
    }
  },
  {
    kind: "mutated",
    weight: 25,
    make: (means) => {
      const { draw } = means
      const body = means.ledger.event({ city: "x".repeat(between(draw, 0, 100)) })
      let bytes: Uint8Array = authentic(means, body, ["X-More: of it"])
      for (let count = between(draw, 1, 5); count > 0; count--) bytes = mutated(means, bytes)
      const answers = [200, ...refused]
      return {
        steps: [bytes, "half-close"],
        answers: Array.from({ length: 8 }, () => answers),
        mayClose: true,
        bodies: [body]
      }
    }
  }
]

const mutated = ({ draw }: Means, bytes: Uint8Array): Uint8Array => {
  const at = between(draw, 0, bytes.length - 1)
  const to = Math.min(bytes.length, at + between(draw, 1, 20))
  const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)]
  const join = (...all: ReadonlyArray<Uint8Array>) => Buffer.concat(all)
  switch (between(draw, 0, 5)) {
    case 0:
      return join(
        before,
        Buffer.from([(bytes[at] ?? 0) ^ (1 << between(draw, 0, 7))]),
        bytes.subarray(at + 1)
      )
    case 1:
      return join(before, after)
    case 2:
      return join(before, part, part, after)
    case 3:
      return join(before, bytesOf(draw, between(draw, 1, 8)), bytes.subarray(at))
    case 4:
      return join(
        before,
        Buffer.from(pick(draw, ["\r\n", "\n", "\r", "\u0000", ":", " ", "\r\n\r\n", ","])),
        bytes.subarray(at)
      )
    default:
      return join(bytes.subarray(0, at), Buffer.from(part.toReversed()), after)
  }
}
