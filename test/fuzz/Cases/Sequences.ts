import { Buffer } from "node:buffer"
import * as Signature from "../../../src/Signature.ts"
import { between, bytesOf, type Kind, type Means, pick } from "../Case.ts"
import { otherSecret } from "../Ledger.ts"
import { authentic, delivery, head, pieces, webhook } from "../Request.ts"

const stored = [200, 503]

/** A whole request that is refused, with the status that says so. Its body may be too large to be read at once. */
const refusals: ReadonlyArray<(means: Means) => readonly [request: Uint8Array, status: number]> = [
  (means) => [delivery(filler(means), undefined), 400],
  (means) => {
    const body = means.ledger.event({ forged: true })
    return [delivery(body, Signature.sign(body, otherSecret)), 400]
  },
  (means) => [withBody(means, "POST /nope HTTP/1.1"), 404],
  (means) => [withBody(means, `PUT ${webhook} HTTP/1.1`), 405],
  (means) => [withBody(means, "POST /livez HTTP/1.1"), 405],
  (means) => [withBody(means, "GET /nope HTTP/1.1"), 404],
  (means) => [authentic(means, means.ledger.event({ packed: true }), ["Content-Encoding: gzip"]), 415],
  (
    means
  ) => [delivery(Buffer.alloc(means.maxBodyBytes + between(means.draw, 1, 100_000), "x"), undefined), 413]
]

const filler = ({ draw }: Means) => Buffer.alloc(between(draw, 0, 300_000), "x")

const withBody = (means: Means, requestLine: string) => {
  const body = filler(means)
  return Buffer.concat([head([`Content-Length: ${body.length}`], requestLine), body])
}

/** What a program on this machine, or a server that was tricked into a request, can ask without a token. */
const strange: ReadonlyArray<(means: Means) => Uint8Array> = [
  ({ draw }) => head([], `${pick(draw, ["GET", "HEAD", "DELETE", "TRACE"])} ${pick(draw, paths)} HTTP/1.1`),
  ({ draw }) => Buffer.from(`GET ${pick(draw, paths)} HTTP/1.1\r\nHost: ${pick(draw, hosts)}\r\n\r\n`),
  ({ draw }) => head([`Origin: http://${pick(draw, hosts)}`], `POST ${pick(draw, paths)} HTTP/1.1`),
  ({ draw }) => {
    const body = bytesOf(draw, between(draw, 0, 3_000))
    return Buffer.concat([
      head(
        ["Content-Type: application/json", `Content-Length: ${body.length}`],
        `POST ${pick(draw, paths)} HTTP/1.1`
      ),
      body
    ])
  },
  ({ draw }) => {
    const body = Buffer.alloc(between(draw, 1_000_000, 2_500_000), " ")
    return Buffer.concat([
      head(["Content-Type: application/json", `Content-Length: ${body.length}`], "POST /v1/forget HTTP/1.1"),
      body
    ])
  },
  ({ draw }) =>
    head([`Authorization: Bearer ${"x".repeat(between(draw, 0, 4_000))}`], "GET /metrics HTTP/1.1")
]

const paths = [
  "/",
  "/livez",
  "/readyz",
  "/metrics",
  "/v1/events?bodies=true",
  "/v1/scans/%00",
  "/v1/forget",
  "/docs"
]
const hosts = [
  "localhost",
  "127.0.0.1:3001",
  "evil.example",
  "localhost.evil.example",
  "[::1]",
  "169.254.169.254"
]

export const sequences: ReadonlyArray<Kind> = [
  {
    kind: "delivery behind a refused request",
    weight: 6,
    make: (means) => {
      const [refused, status] = pick(means.draw, refusals)(means)
      const body = means.ledger.event({ behind: true })
      return {
        steps: [...pieces(means, refused, 3), between(means.draw, 0, 20), authentic(means, body)],
        answers: [[status, 503], stored],
        // Who still sends a body that is too large may find the connection closed.
        mayClose: status === 413,
        bodies: [undefined, body]
      }
    }
  },
  {
    kind: "half-closed behind a delivery",
    weight: 3,
    make: (means) => {
      const body = means.ledger.event({ halfClosed: true })
      return { steps: [authentic(means, body), "half-close"], answers: [stored], bodies: [body] }
    }
  },
  {
    kind: "short pipeline",
    weight: 4,
    make: (means) => {
      const bodies = Array.from(
        { length: between(means.draw, 2, 16) },
        () => means.draw() < 0.6 ? means.ledger.event({ pipelined: true }) : undefined
      )
      const requests = bodies.map((body) =>
        body === undefined ? head([], "GET /livez HTTP/1.1") : authentic(means, body)
      )
      return {
        steps: pieces(means, Buffer.concat(requests), 4),
        answers: bodies.map((body) => body === undefined ? [200] : stored),
        bodies
      }
    }
  },
  {
    kind: "private listener without a token",
    weight: 5,
    make: (means) => ({
      listener: "private",
      steps: [pick(means.draw, strange)(means), "half-close"],
      answers: [[200, 400, 403, 404, 405, 408, 413, 415, 431, 501, 503]],
      mayClose: true
    })
  }
]
