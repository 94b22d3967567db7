import type { IncomingMessage, ServerResponse } from "node:http"

/** What a web handler is, for an adapter. */
type Handler = (request: Request) => Promise<Response>

/**
 * A web handler for servers that give Node's request and response, such as Express and Fastify. The body must not have
 * been read.
 */
export const nodeHandler =
  (handler: Handler) => async (request: IncomingMessage, response: ServerResponse) => {
    const answer = await handler(requestOf(request))
    // What the handler left unread is discarded: a client may read no answer before it has sent everything.
    request.resume()
    if (response.headersSent || response.destroyed) return
    // The rest of a body that came too slowly is not waited for.
    if (answer.status === 408) response.setHeader("connection", "close")
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    response.end(await answer.text())
  }

const requestOf = (request: IncomingMessage): Request => {
  const method = request.method ?? "GET"
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(request.headersDistinct)) {
    for (const value of values) headers.append(name, value)
  }
  const body = method === "GET" || method === "HEAD" ? null : bodyOf(request)
  // The types of Node leave out what it demands of a streamed body.
  const init: RequestInit & { readonly duplex: "half" } = { method, headers, body, duplex: "half" }
  const made = new Request("http://localhost/", init)
  // A parser has the bytes. The handler sees that the body was used.
  if (request.readableDidRead) made.body?.getReader()
  return made
}

/** Unlike `Readable.toWeb`, keeps the connection when the body is given up, so that the answer arrives. */
const bodyOf = (request: IncomingMessage) => {
  let ended = false
  return new ReadableStream<Uint8Array>({
    start: (controller) => {
      request.on("data", (part: Uint8Array) => {
        if (ended) return
        controller.enqueue(part)
        if ((controller.desiredSize ?? 0) <= 0) request.pause()
      })
      request.on("end", () => {
        if (!ended) controller.close()
        ended = true
      })
      const fail = (error?: Error) => {
        if (!ended) controller.error(error ?? new Error("The client has gone."))
        ended = true
      }
      request.on("error", fail)
      request.on("close", () => fail())
    },
    pull: () => void request.resume(),
    cancel: () => {
      ended = true
      request.resume()
    }
  })
}
