import { Buffer } from "node:buffer"
import { between, type Kind, type Means, pick } from "../Case.ts"
import { authentic, delivery, pieces, request, unreadLength, webhook } from "../Request.ts"

/** One of several requests on one connection: its bytes, the expected status, and the body that is stored. */
interface Part {
  readonly bytes: Uint8Array
  readonly status: number
  readonly body?: Uint8Array
}

const stored = (means: Means): Part => {
  const body = means.ledger.event()
  return { bytes: authentic(means, body), status: 200, body }
}

const refusals: ReadonlyArray<(means: Means) => Part> = [
  (means) => ({
    bytes: request("POST /elsewhere HTTP/1.1", Buffer.alloc(unreadLength(means))),
    status: 404
  }),
  (means) => ({ bytes: request(`PUT ${webhook} HTTP/1.1`, Buffer.alloc(unreadLength(means))), status: 405 }),
  (means) => ({
    bytes: delivery(Buffer.alloc(unreadLength(means)), `sha256=${"0".repeat(64)}`),
    status: 400
  }),
  (means) => ({
    bytes: delivery(Buffer.alloc(unreadLength(means)), undefined, ["Content-Encoding: br"]),
    status: 415
  })
]

const parts = (means: Means, count: number) =>
  Array.from({ length: count }, () => means.draw() < 0.5 ? stored(means) : pick(means.draw, refusals)(means))

const together = (means: Means, all: ReadonlyArray<Part>, most: number) => ({
  steps: pieces(means, Buffer.concat(all.map(({ bytes }) => bytes)), most),
  answers: all.map(({ status }) => [status]),
  bodies: all.map(({ body }) => body)
})

/** Clients that send several requests on one connection, or close their half of it. */
export const connections: ReadonlyArray<Kind> = [
  {
    kind: "pipelined with unread bodies",
    weight: 3,
    make: (means) => together(means, parts(means, between(means.draw, 2, 6)), 4)
  },
  {
    kind: "half closed behind a request",
    weight: 3,
    make: (means) => {
      const all = [means.draw() < 0.7 ? stored(means) : pick(means.draw, refusals)(means)]
      const { steps, ...rest } = together(means, all, 3)
      return { ...rest, steps: [...steps, "half-close"] }
    }
  },
  {
    kind: "half closed behind several",
    weight: 2,
    make: (means) => {
      const { steps, ...rest } = together(means, parts(means, between(means.draw, 2, 6)), 3)
      return { ...rest, steps: [...steps, "half-close"] }
    }
  }
]
