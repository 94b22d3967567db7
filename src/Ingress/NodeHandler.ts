import { Buffer } from "node:buffer"
import type { IncomingMessage, ServerResponse } from "node:http"
import { Parts } from "./Body.ts"
import { refuse } from "./Responses.ts"

/** A web handler, as an adapter sees it. */
type Handler = (request: Request) => Promise<Response>

/**
 * Adapts a web handler to servers that use Node's request and response, such as Express and Fastify. No middleware
 * may have read the body.
 */
export const nodeHandler =
  (handler: Handler) => async (request: IncomingMessage, response: ServerResponse) => {
    // A web `Request` cannot have this method, and its constructor throws.
    if (request.method === "TRACE") {
      request.resume()
      return refuse(response, "method_not_allowed")
    }
    const body = new UnreadBody(request)
    const answer = await handler(requestOf(request, body))
    if (response.headersSent || response.destroyed) return body.discard()
    // Do not wait for the rest of a body that arrives too slowly.
    if (answer.status === 408) response.setHeader("connection", "close")
    const bytes = Buffer.from(await answer.arrayBuffer())
    // Without a length, a client of HTTP/1.0 finds the end of the body only when the connection closes.
    if (answer.body !== null) response.setHeader("content-length", bytes.length)
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    response.end(bytes)
    body.answered()
  }

const requestOf = (request: IncomingMessage, unread: UnreadBody): Request => {
  const method = request.method ?? "GET"
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(request.headersDistinct)) {
    for (const value of values) headers.append(name, value)
  }
  const wasRead = request.readableDidRead
  const body = method === "GET" || method === "HEAD" ? null : unread.stream()
  // Node's types lack `duplex`, which Node requires for a streamed body.
  const init: RequestInit & { readonly duplex: "half" } = { method, headers, body, duplex: "half" }
  const made = new Request(urlOf(request.url), init)
  // Another parser has read the bytes. Lock the body so that the handler detects this.
  if (wasRead) made.body?.getReader()
  return made
}

/** The URL of a request. A client can send credentials in it, which a web `Request` does not accept. */
const urlOf = (target = "/"): URL => {
  const url = URL.parse(target, "http://localhost") ?? new URL("http://localhost")
  url.username = ""
  url.password = ""
  return url
}

/**
 * A body as a stream. Unlike `Readable.toWeb`, it keeps the connection open if the body is cancelled, so that the
 * response arrives and the connection can be reused.
 */
class UnreadBody {
  readonly #request: IncomingMessage
  readonly #parts = new Parts()
  #ended = false
  #answered = false

  constructor(request: IncomingMessage) {
    this.#request = request
  }

  stream(): ReadableStream<Uint8Array> {
    const request = this.#request
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        request.on("data", (part: Uint8Array) => {
          this.#parts.add(part.length)
          if (this.#answered) this.#stopCrumbs()
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
        request.on("close", () => end(() => controller.error(new Error("The client closed the connection."))))
      },
      pull: () => void request.resume(),
      cancel: () => this.discard()
    })
  }

  /** Discards the rest of the body. A client may not read the response before it has sent everything. */
  discard(): void {
    this.#ended = true
    this.#request.resume()
  }

  /** Discards the rest of the body after the answer was sent. */
  answered(): void {
    this.#answered = true
    this.discard()
    this.#stopCrumbs()
  }

  /** Closes the connection if its body arrives in very small parts, because discarding them would keep the process busy. */
  #stopCrumbs(): void {
    if (this.#parts.areCrumbs && !this.#request.complete) this.#request.destroy()
  }
}
