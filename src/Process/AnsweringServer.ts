import { Buffer } from "node:buffer"
import { createServer, type Server } from "node:http"
import { boundConnections, limits } from "./Connections.ts"

/** The response to a request that arrives while no application handles requests (RFC 9457). */
const unavailable = JSON.stringify({
  type: "urn:threeqpr-events:problem:unavailable",
  title: "Not available",
  status: 503,
  detail: "The process is starting or stopping. Try again."
})

/**
 * Creates an HTTP server that answers every request from the moment it listens. The HTTP server layer of effect
 * listens before its application handles requests. A request in between would never get a response. The same holds
 * for connections that stay open after the application was removed. Connections have the bounds of the private
 * listener.
 */
export const createAnsweringServer = (): Server => {
  const server = createServer(limits)
  boundConnections(server, "private")
  server.on("request", (request, response) => {
    if (server.listenerCount("request") > own) return
    request.resume()
    response.writeHead(503, {
      "connection": "close",
      "content-type": "application/problem+json",
      "content-length": Buffer.byteLength(unavailable),
      "retry-after": "1"
    })
    response.end(unavailable)
  })
  const own = server.listenerCount("request")
  return server
}
