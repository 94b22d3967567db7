import { Buffer } from "node:buffer"
import { createServer, type Server, type ServerOptions } from "node:http"

/** A request that comes while no application is there to handle it. RFC 9457. */
const unavailable = JSON.stringify({
  type: "urn:threeqpr-events:problem:unavailable",
  title: "Not available",
  status: 503,
  detail: "The process starts or stops. Try again."
})

/**
 * Creates an HTTP server that answers every request from the moment it listens. The HTTP server layer of effect
 * listens before its application handles requests, and a request in between would never get an answer; the same
 * holds for connections that stay open after the application was removed.
 */
export const createAnsweringServer = (options: ServerOptions): Server => {
  const server = createServer(options)
  server.on("request", (request, response) => {
    if (server.listenerCount("request") > 1) return
    request.resume()
    response.writeHead(503, {
      "connection": "close",
      "content-type": "application/problem+json",
      "content-length": Buffer.byteLength(unavailable),
      "retry-after": "1"
    })
    response.end(unavailable)
  })
  return server
}
