import { readFileSync } from "node:fs"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { readFairly } from "./FairReads.ts"
import { InTurns } from "./InTurns.ts"

/** Timeouts and sizes of every listener. */
export const limits = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8_192,
  // Longer than load balancers keep idle connections (60 s on most). Otherwise a load balancer would send requests to
  // closed sockets.
  keepAliveTimeout: 65_000
}

/**
 * Maximum number of unanswered requests of one connection. 3QPR waits for each response; few clients pipeline at all.
 */
const mostUnanswered = 16

/** File descriptors reserved for the broker, the database and the logs. */
const reserved = 64

/** Maximum number of connections of the private listener, where the system allows many open files. */
const mostPrivate = 256

/**
 * Bounds the connections of a listener. Above the bound, a new connection gets a 503, and idle connections are closed
 * to make room. A connection with too many unanswered requests is closed. Input that is not HTTP gets a response with
 * the matching status. If an earlier request of the connection still waits for its response, that response is sent
 * instead.
 */
export const boundConnections = (server: Server, listener: "public" | "private"): void => {
  readFairly(server)
  const most = mostConnections(listener)
  let open = 0
  // Allow half-open connections on the public listener. A client may close its sending half after a delivery, and
  // still read the response. On the private listener, a live stream must end with its client.
  if (listener === "public") Object.assign(server, { httpAllowHalfOpen: true })
  server.on("connection", (socket: Socket) => {
    open++
    socket.once("close", () => open--)
    if (open <= most) return
    socket.end(emptyAnswer("503 Service Unavailable"), () => socket.destroy())
    server.closeIdleConnections()
  })
  const unanswered = new WeakMap<Socket, Array<ServerResponse>>()
  server.on("connection", (socket: Socket) => void unanswered.set(socket, []))
  server.prependListener("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    const responses = unanswered.get(socket)
    if (responses === undefined) return
    responses.push(response)
    response.once("close", () => void responses.splice(responses.indexOf(response), 1))
    if (responses.length > mostUnanswered) socket.destroy()
  })
  server.prependListener("request", endAnswered(server))
  const inTurns = new InTurns()
  const timedOut = new WeakSet<Socket>()
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    // Discard later bytes. On Deno 2.9.6, a connection whose request timed out has already released its parser. It
    // would continue to feed that parser, which another connection may use by then.
    socket.removeAllListeners("data").resume()
    const answer = () => answerMalformed(error, socket, unanswered.get(socket) ?? [])
    if (error.code !== "ERR_HTTP_REQUEST_TIMEOUT") return answer()
    // Many requests can time out at once. Those that are not closed yet time out again.
    if (timedOut.has(socket)) return
    timedOut.add(socket)
    inTurns.add(answer)
  })
}

/**
 * Maximum number of connections. It is lower where the system allows few open files. The private listener has its own
 * share of them.
 */
const mostConnections = (listener: "public" | "private") => {
  const files = openFiles() - reserved
  const forPrivate = Math.max(8, Math.min(mostPrivate, Math.floor(files / 4)))
  return listener === "private" ? forPrivate : Math.max(16, Math.min(10_000, files - forPrivate))
}

/**
 * Maximum number of files and sockets that this process may have open; Infinity where the system does not report it.
 */
const openFiles = () => {
  try {
    const [, most] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? []
    return most === undefined ? Infinity : Number(most)
  } catch {
    return Infinity
  }
}

/**
 * Closes a connection that still sends the body of an answered request after the request time-out. Deno 2.9.6 would
 * keep it open for as long as bytes arrive. Node closes it by itself.
 */
const endAnswered =
  ({ requestTimeout }: Server) => (request: IncomingMessage, response: ServerResponse): void => {
    response.once("finish", () => {
      if (request.complete) return
      const { socket } = request
      const place = setTimeout(() => request.complete || socket.destroy(), requestTimeout)
      request.once("close", () => clearTimeout(place))
    })
  }

const answerMalformed = (
  error: NodeJS.ErrnoException,
  socket: Socket,
  unanswered: ReadonlyArray<ServerResponse>
) => {
  // An incomplete request counts as malformed.
  const waiting = unanswered.filter(({ req, writableEnded }) => req.complete && !writableEnded)
  if (waiting.length > 0 && error.code !== "ERR_HTTP_REQUEST_TIMEOUT") return endAfter(waiting, socket)
  // A response that was already sent must not be followed by a second one.
  if (!socket.writable || socket.bytesWritten > 0) return socket.destroy()
  const status = statusOf[error.code ?? ""] ?? "400 Bad Request"
  socket.end(emptyAnswer(status))
  closeSoon(socket)
}

/** Ends a connection after the responses to all its complete requests. */
const endAfter = (waiting: ReadonlyArray<ServerResponse>, socket: Socket) => {
  let left = waiting.length
  for (const response of waiting) {
    if (!response.headersSent) response.setHeader("connection", "close")
    response.once("close", () => --left === 0 && closeSoon(socket.end()))
  }
}

/**
 * Closes a connection after a second. Closing at once could discard the response for a client that still sends. A
 * client that never closes, or never stops sending, must not occupy a connection.
 */
const closeSoon = (socket: Socket) => {
  const place = setTimeout(() => socket.destroy(), 1_000)
  socket.once("close", () => clearTimeout(place))
}

const emptyAnswer = (status: string) => `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`

const statusOf: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large"
}
