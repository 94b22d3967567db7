import { Effect, type Redacted, type Scope } from "effect"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { decodeDelivery } from "../../src/Domain/Decode.ts"
import * as Signature from "../../src/Signature/Signature.ts"
import { secret as ours } from "./Webhook.ts"

/** A request that arrived completely. */
export interface Arrival {
  readonly id: string
  readonly body: string
  /** The number of parts in which its body arrived. */
  readonly parts: number
  /** The number of earlier requests on its connection. */
  readonly reuse: number
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Answers as a receiver must, by the signature, the known ids and the body. */
  readonly answer: () => void
}

/** A small webhook receiver that a test controls. */
export interface Receiver {
  readonly url: string
  readonly arrivals: ReadonlyArray<Arrival>
}

/** Starts a receiver on a free port until the scope ends. `handle` can answer, or misbehave. */
export const receiver = (
  handle: (arrival: Arrival) => void = ({ answer }) => answer(),
  secret: Redacted.Redacted<string> = ours
): Effect.Effect<Receiver, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<Receiver & { readonly close: () => void }>((resume) => {
        const arrivals: Array<Arrival> = []
        const seen = new Set<string>()
        const uses = new WeakMap<object, number>()
        const server = createServer((request, response) => {
          const chunks: Array<Buffer> = []
          request.on("data", (chunk: Buffer) => chunks.push(chunk))
          request.on("error", () => {})
          response.on("error", () => {})
          request.on("end", () => {
            const body = Buffer.concat(chunks)
            const reading = decodeDelivery(body)
            const id = reading.id ?? `sha256:${createHash("sha256").update(body).digest("hex")}`
            const reuse = uses.get(request.socket) ?? 0
            uses.set(request.socket, reuse + 1)
            const arrival = {
              id,
              body: body.toString(),
              parts: chunks.length,
              reuse,
              request,
              response,
              answer: () => respond(response, ...answerTo(request, body, seen, secret))
            }
            arrivals.push(arrival)
            handle(arrival)
          })
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address ? address.port : 0
          const close = () => {
            server.close()
            server.closeAllConnections()
          }
          resume(Effect.succeed({ url: `http://127.0.0.1:${port}/webhooks/3qpr`, arrivals, close }))
        })
      }),
      ({ close }) => Effect.sync(close)
    ),
    ({ arrivals, url }) => ({ arrivals, url })
  )

export const respond = (response: ServerResponse, status: number, body: object) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))

const answerTo = (
  request: IncomingMessage,
  body: Buffer,
  seen: Set<string>,
  secret: Redacted.Redacted<string>
): readonly [number, object] => {
  const signature = request.headers[Signature.header]
  if (typeof signature !== "string") return [400, { error: "missing_signature" }]
  const error = Signature.verifier([secret])(body, signature)
  if (error !== undefined) return [400, { error }]
  const reading = decodeDelivery(body)
  const key = reading.id ?? body.toString()
  const receipt = { ok: true, id: reading.id, duplicate: seen.has(key) }
  seen.add(key)
  return [200, reading._tag === "Event" ? receipt : { ...receipt, quarantined: reading.reason }]
}
