import { Buffer } from "node:buffer"
import type { IncomingMessage, ServerResponse } from "node:http"

/** What a web handler is, for an adapter. */
type Handler = (request: Request) => Promise<Response>

/**
 * A web handler for servers that give Node's request and response, such as Express and Fastify. The body must not have
 * been read.
 */
export const nodeHandler =
  (handler: Handler) => async (request: IncomingMessage, response: ServerResponse) => {
    const body = new UnreadBody(request)
    const answer = await handler(requestOf(request, body))
    body.discard()
    if (response.headersSent || response.destroyed) return
    // The rest of a body that came too slowly is not waited for.
    if (answer.status === 408) response.setHeader("connection", "close")
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    response.end(Buffer.from(await answer.arrayBuffer()))
  }

const requestOf = (request: IncomingMessage, unread: UnreadBody): Request => {
  const method = request.method ?? "GET"
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(request.headersDistinct)) {
    for (const value of values) headers.append(name, value)
  }
  const wasRead = request.readableDidRead
  const body = method === "GET" || method === "HEAD" ? null : unread.stream()
  // The types of Node leave out what it demands of a streamed body.
  const init: RequestInit & { readonly duplex: "half" } = { method, headers, body, duplex: "half" }
  const made = new Request(URL.parse(request.url ?? "/", "http://localhost") ?? "http://localhost", init)
  // A parser has the bytes. The handler sees that the body was used.
  if (wasRead) made.body?.getReader()
  return made
}

/**
 * A body as a stream. Unlike `Readable.toWeb`, it keeps the connection when the body is given up, so that the answer
 * arrives and the connection can be used again.
 */
class UnreadBody {
  readonly #request: IncomingMessage
  #ended = false

  constructor(request: IncomingMessage) {
    this.#request = request
  }

  stream(): ReadableStream<Uint8Array> {
    const request = this.#request
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        request.on("data", (part: Uint8Array) => {
          if (this.#ended) return
          controller.enqueue(part)
          if ((controller.desiredSize ?? 0) <= 0) request.pause()
        })
        const end = (close: () => void) => {
          if (!this.#ended) close()
          this.#ended = true
        }
        request.on("end", () => end(() => controller.close()))
        request.on("error", (error) => end(() => controller.error(error)))
        request.on("close", () => end(() => controller.error(new Error("The client has gone."))))
      },
      pull: () => void request.resume(),
      cancel: () => this.discard()
    })
  }

  /** Throws away what still comes: a client may read no answer before it has sent everything. */
  discard(): void {
    this.#ended = true
    this.#request.resume()
  }
}
