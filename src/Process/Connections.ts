import { readFileSync } from "node:fs"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"

/** Time-outs and sizes of every listener. */
export const limits = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8_192,
  // Longer than load balancers keep idle connections (60 s on most), or they would meet closed sockets.
  keepAliveTimeout: 65_000
}

/** How many requests of one connection may be unanswered. 3QPR waits for each answer; few clients pipeline at all. */
const mostUnanswered = 16

/** Files and sockets for the broker, the database and the logs. */
const reserved = 64

/** The most connections of the private listener, where the system allows many open files. */
const mostPrivate = 256

/**
 * Keeps the connections of a listener within bounds. Above the bound on connections a new one is answered 503, and idle
 * ones are closed to make room. A connection with too many unanswered requests is closed. What is not HTTP is answered
 * with the status that says why, unless a request before it waits for its answer: that one is sent first.
 */
export const boundConnections = (server: Server, listener: "public" | "private"): void => {
  const most = mostConnections(listener)
  let open = 0
  // A client that has sent its delivery may close its half of the connection, and still reads the answer. A live stream of
  // the private listener ends with its client.
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
  server.on(
    "clientError",
    (error: NodeJS.ErrnoException, socket: Socket) =>
      answerMalformed(error, socket, unanswered.get(socket) ?? [])
  )
}

/** Fewer where the system allows few open files. The private listener has its own share of them. */
const mostConnections = (listener: "public" | "private") => {
  const files = openFiles() - reserved
  const forPrivate = Math.max(8, Math.min(mostPrivate, Math.floor(files / 4)))
  return listener === "private" ? forPrivate : Math.max(16, Math.min(10_000, files - forPrivate))
}

/** How many files and sockets this process may have open; infinitely many where the system does not tell. */
const openFiles = () => {
  try {
    const [, most] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? []
    return most === undefined ? Infinity : Number(most)
  } catch {
    return Infinity
  }
}

const answerMalformed = (
  error: NodeJS.ErrnoException,
  socket: Socket,
  unanswered: ReadonlyArray<ServerResponse>
) => {
  // Later bytes are discarded. On Deno 2.9.6 a connection whose request took too long has given its parser
  // back by now. It would continue to feed that parser, which another connection uses then.
  socket.removeAllListeners("data").resume()
  // An incomplete request counts as malformed.
  const waiting = unanswered.filter(({ req, writableEnded }) => req.complete && !writableEnded)
  if (waiting.length > 0 && error.code !== "ERR_HTTP_REQUEST_TIMEOUT") return endAfter(waiting, socket)
  // An answer that was already sent must not be followed by a second one.
  if (!socket.writable || socket.bytesWritten > 0) return socket.destroy()
  const status = statusOf[error.code ?? ""] ?? "400 Bad Request"
  socket.end(emptyAnswer(status))
  closeSoon(socket)
}

/** Ends a connection when the requests that it brought have their answers. */
const endAfter = (waiting: ReadonlyArray<ServerResponse>, socket: Socket) => {
  let left = waiting.length
  for (const response of waiting) {
    if (!response.headersSent) response.setHeader("connection", "close")
    response.once("close", () => --left === 0 && closeSoon(socket.end()))
  }
}

/**
 * Not at once: that could take the answer away from a client that is still sending. But a client that never closes, or
 * never stops sending, must not keep its place.
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
