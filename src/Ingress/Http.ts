import { Context, Effect, Layer, Schema } from "effect"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { webhookPath } from "../Domain/WebhookPath.ts"
import { EventLog, type Health } from "../EventLog/EventLog.ts"
import { boundConnections, limits } from "../Process/Connections.ts"
import { DeliveryHandler } from "./DeliveryHandler.ts"
import { Ingress } from "./Ingress.ts"
import { defaultBodyBytes } from "./Limits.ts"
import { keepAccepting } from "./ListenerWatchdog.ts"
import type { Rejections } from "./Rejections.ts"
import { answer, answerHealth, refuse } from "./Responses.ts"

export interface HttpOptions {
  readonly host: string
  /** 0 selects a free port. */
  readonly port: number
  /** Maximum size of a body in bytes. If undefined, the log's maximum, but at most 1 MiB. */
  readonly maxBodyBytes: number | undefined
  /** Maximum number of deliveries that wait for the log. Further ones get 503 without being read. */
  readonly maxInFlight: number
}

/** The public listener cannot bind its address. */
export class ListenFailed
  extends Schema.TaggedError<ListenFailed>()("ListenFailed", { message: Schema.String })
{}

/** The public listener, which serves only the webhook and health. */
export class PublicListener extends Context.Service<PublicListener, {
  readonly port: number
  /** URL of the listener on this machine. */
  readonly url: string
  /** The last requests that this listener rejected. */
  readonly rejections: Rejections
}>()("threeqpr-events/Ingress/Http") {
  static readonly layer = (options: HttpOptions) => Layer.effect(PublicListener, make(options))
}

/** The path of a request target, which a proxy may send in absolute form. The webhook's path may end with one slash. */
const pathOf = (target = "") => {
  const [address = ""] = target.split("?", 1)
  const path = address.startsWith("/") ? address : URL.parse(address)?.pathname ?? address
  return path === `${webhookPath}/` ? webhookPath : path
}

/** Maximum wait for deliveries in flight when the listener stops, in milliseconds. */
const drainTimeout = 5_000

const make = Effect.fnUntraced(function*(options: HttpOptions) {
  const log = yield* EventLog
  const maxBodyBytes = Math.min(options.maxBodyBytes ?? defaultBodyBytes, log.maxBodyBytes)
  if (options.maxBodyBytes !== undefined && maxBodyBytes < options.maxBodyBytes) {
    yield* Effect.logWarning(
      `MAX_BODY_BYTES is ${options.maxBodyBytes}, but the broker accepts ${maxBodyBytes}. Larger bodies are answered `
        + "413. Raise the broker's max_payload, or lower MAX_BODY_BYTES."
    )
  }
  const deliveries = new DeliveryHandler(yield* Ingress, yield* Effect.context<never>(), {
    ...options,
    maxBodyBytes
  })
  let draining = false
  const ready = Effect.map(
    log.health,
    (health) => draining ? { ready: false as const, reason: "shutting down" } : health
  )

  const server = yield* Effect.acquireRelease(
    listen((request, response) => {
      if (draining) response.setHeader("connection", "close")
      handle(deliveries, ready, request, response)
    }, options),
    (server) => {
      draining = true
      deliveries.drain()
      return Effect.interruptible(closed(server)).pipe(
        Effect.timeoutOption(drainTimeout),
        Effect.andThen(Effect.sync(() => {
          deliveries.close()
          server.closeAllConnections()
        }))
      )
    }
  )
  yield* keepAccepting(server, options.host, backlog)
  const { port } = server.address() as AddressInfo
  const host = options.host === "0.0.0.0" || options.host === "::" ? "localhost" : options.host
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`
  yield* Effect.logInfo(`webhook: POST ${url}${webhookPath}`)
  return PublicListener.of({ port, url, rejections: deliveries.rejections })
})

const handle = (
  deliveries: DeliveryHandler,
  ready: Effect.Effect<Health>,
  request: IncomingMessage,
  response: ServerResponse
) => {
  const path = pathOf(request.url)
  if (path === webhookPath && request.method === "POST") return deliveries.receive(request, response)
  // On Deno, a connection with an unread body of 140 kB never handles its next request. Behind a proxy, that request
  // is another client's delivery.
  request.resume()
  if (path === webhookPath) return refuse(response, "method_not_allowed")
  if (path !== "/livez" && path !== "/readyz") {
    if (request.method === "POST") deliveries.misdirected(request)
    return answer(response, 404, { error: "not_found" })
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return answer(response, 405, { error: "method_not_allowed" }, { allow: "GET, HEAD" })
  }
  return path === "/livez"
    ? answer(response, 200, { ok: true })
    : answerHealth(response, Effect.runSync(ready))
}

/** Accepts no new connections. Completes when the last connection has closed. */
const closed = (server: Server) =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
  })

const listen = (
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  options: HttpOptions
) =>
  Effect.callback<Server, ListenFailed>((resume) => {
    const server = createServer(limits, handle)
    boundConnections(server, "public")
    server.on("error", (error) => resume(Effect.fail(listenFailed(options, error))))
    server.listen({ port: options.port, host: options.host, backlog }, () => resume(Effect.succeed(server)))
  })

/**
 * Queue length for connections that wait to be accepted. With Node's default of 511, many clients at once block
 * others.
 */
const backlog = 4_096

const listenFailed = ({ host, port }: HttpOptions, error: NodeJS.ErrnoException) =>
  new ListenFailed({
    message: error.code === "EADDRINUSE"
      ? `The public listener cannot listen on ${host}:${port}: another process uses this port. Stop that process, or set PORT.`
      : `The public listener cannot listen on ${host}:${port}: ${error.message}. Change HOST or PORT.`
  })
