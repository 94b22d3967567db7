/**
 * Room `Nats`: the connection, and the embedded broker.
 *
 * Promises: The connection returns by itself after each loss. The embedded broker ends with its process.
 *
 * May use: `Process`.
 */
import { Cause, Context, Duration, Effect, Layer, Predicate, Schedule, type Scope } from "effect"
import { connect, type ConnectionOptions, createInbox, Events, type NatsConnection } from "nats"
import { reconnectAfterClockBack } from "./ClockBack.ts"
import { checkReadable, type Login, loginOf } from "./Credentials.ts"
import { ignoreErrorsOfNobody } from "./DenoSocket.ts"
import { keepWithin } from "./Limits.ts"
import { readNewestOnly } from "./Readers.ts"
import { demandsTls, parse, type Target, tlsOf, withoutCredentials, withUrlCredentials } from "./Target.ts"
import { loginRemedy, refusals, unreachable } from "./Unreachable.ts"

export type { Target } from "./Target.ts"
export { NatsUnreachable } from "./Unreachable.ts"

/** One connection to the broker. It reconnects without a limit, also after the broker has refused the log-in. */
export class Nats extends Context.Service<Nats, {
  readonly connection: NatsConnection
  readonly isConnected: () => boolean
  /** Why the connection is lost, with the remedy if one is known. Undefined while connected. */
  readonly fault: () => string | undefined
  /** Calls `listener` when the connection is lost (true → false) or restored, until the scope ends. */
  readonly onChange: (listener: (connected: boolean) => void) => Effect.Effect<void, never, Scope.Scope>
  /** Whether the cluster has other servers, according to the server's latest report. */
  readonly hasOthers: () => boolean
  /** A new subject for replies. */
  readonly newInbox: () => string
  /** Disconnects from the current server and connects to the next one. */
  readonly moveOn: Effect.Effect<void>
  /** Version of the connected server, such as 2.14.5. */
  readonly serverVersion: () => string
}>()("threeqpr-events/Nats") {
  static readonly layer = (target: Target) => Layer.effect(Nats, make(target))
}

const make = Effect.fnUntraced(function*(target: Target) {
  ignoreErrorsOfNobody()
  readNewestOnly()
  reconnectAfterClockBack()
  const watched = new Watched()
  const { connection: opened, options, login } = yield* Effect.acquireRelease(
    open(target, watched),
    ({ connection }) => Effect.andThen(Effect.sync(() => watched.closing = true), close(connection))
  )
  const connection = keepWithin(opened, target.limits ?? {})
  const listeners = new Set<(connected: boolean) => void>()
  const change = (now: boolean) => {
    if (now === watched.connected) return
    watched.connected = now
    for (const listener of listeners) listener(now)
  }
  yield* Effect.forkScoped(follow(connection, watched, change, login))
  yield* Effect.forkScoped(explain(target, options, watched))
  return Nats.of({
    connection,
    isConnected: () => watched.connected,
    fault: () => watched.connected ? undefined : watched.fault ?? "the broker is not connected",
    onChange: (listener) =>
      Effect.acquireRelease(
        Effect.sync(() => void listeners.add(listener)),
        () => Effect.sync(() => void listeners.delete(listener))
      ),
    hasOthers: () => target.servers.length > 1 || (connection.info?.connect_urls?.length ?? 0) > 1,
    newInbox: () => createInbox(target.inboxPrefix),
    moveOn: Effect.promise(() => connection.reconnect().catch(() => undefined)),
    serverVersion: () => connection.info?.version ?? "unknown"
  })
})

/** The state of the connection. */
class Watched {
  connected = true
  /** Number of refused log-ins since the connection was last up. */
  refused = 0
  /** Why the connection is lost, without addresses or secrets. */
  fault: string | undefined
  /** Whether this process is closing the connection. */
  closing = false
}

/** Follows the client's status events: a lost connection, a restored one, and a log-in that the server refuses. */
const follow = Effect.fnUntraced(function*(
  connection: NatsConnection,
  watched: Watched,
  change: (connected: boolean) => void,
  login: Login
) {
  const run = Effect.runForkWith(yield* Effect.context<never>())
  let since = 0
  yield* Effect.promise(async () => {
    for await (const { data, type } of connection.status()) {
      if (type === Events.Disconnect && watched.connected) {
        since = performance.now()
        change(false)
        run(Effect.logWarning("The connection to NATS is lost. The client reconnects automatically"))
      } else if (type === Events.Reconnect && !watched.connected) {
        watched.refused = 0
        watched.fault = undefined
        change(true)
        const away = Duration.format(Duration.millis(Math.round(performance.now() - since)))
        run(Effect.logInfo(`Reconnected to NATS at ${connection.getServer()} after ${away}`))
      } else if (type === Events.Error && refusals.has(String(data))) {
        watched.refused++
        const file = login.fault()
        const what = watched.connected ? "ended the session" : "refused the log-in"
        const fault = `the broker ${what} (${data}). ${file === undefined ? "" : `${file}. `}${loginRemedy}`
        const log = watched.connected ? Effect.logWarning : Effect.logError
        if (fault !== watched.fault) run(log(`NATS: ${fault}`))
        watched.fault = fault
      }
    }
  })
  // The client ends the iteration only when it closes.
  if (watched.closing) return
  watched.fault = "the NATS client has closed the connection permanently. Start this process again."
  yield* Effect.logError(`NATS: ${watched.fault}`)
  change(false)
})

/** How long the connection must be lost before the cause is looked for, and the interval after that. */
const unexplained = { first: "1 second", next: "10 seconds" } as const

/**
 * Finds out why the connection is not restored. Apart from refused log-ins, the client does not report failed
 * attempts. So this function makes its own attempt. That shows, for example, an unknown host, a server without the
 * required TLS, or another certificate.
 */
const explain = Effect.fnUntraced(function*(target: Target, options: ConnectionOptions, watched: Watched) {
  const attempt = attemptOf(target, { ...options, reconnect: false })
  while (true) {
    yield* Effect.sleep(watched.connected ? unexplained.first : unexplained.next)
    if (watched.connected || watched.refused > 0) continue
    const failure = yield* attempt.pipe(
      Effect.flatMap((connection) => Effect.promise(() => connection.close())),
      Effect.matchEffect({ onFailure: Effect.succeed, onSuccess: () => Effect.succeed(undefined) })
    )
    if (failure === undefined || watched.connected) continue
    // Anyone can read the readiness of the public listener, so host names go to the log only.
    const why = failure.passing ? ` (${codeOf(failure.cause)})` : `: ${failure.reason}`
    const fault = `the broker is not connected${why}. ${failure.remedy}`
    if (fault !== watched.fault) yield* Effect.logWarning(`NATS: ${failure.message}`)
    watched.fault = fault
  }
})

const codeOf = (error: unknown) => Predicate.hasProperty(error, "code") ? String(error.code) : "no answer"

// By default, the client gives up after about 20 s without a server and detects a dead peer after 6 minutes.
const lasting = {
  reconnect: true,
  maxReconnectAttempts: -1,
  // By default, two equal refusals close the client permanently.
  ignoreAuthErrorAbort: true,
  // With these three, a broker that hangs is detected within 12 seconds.
  pingInterval: 4_000,
  maxPingOut: 2,
  timeout: 5_000
}

/** Delay between two attempts in milliseconds. It grows while the server refuses the log-in. */
const reconnectDelay = ({ refused }: Watched) =>
  Math.min(250 * 2 ** Math.max(0, refused - 2), 4_000) + Math.random() * 100

const open = Effect.fnUntraced(function*(target: Target, watched: Watched) {
  const login = yield* Effect.try({
    try: () => loginOf(withUrlCredentials(target)),
    catch: (error) => unreachableAt(target, error)
  })
  const options: ConnectionOptions = {
    ...lasting,
    reconnectDelayHandler: () => reconnectDelay(watched),
    name: "threeqpr-events",
    servers: target.servers.map(withoutCredentials),
    authenticator: login.authenticators,
    ...(target.inboxPrefix !== undefined && { inboxPrefix: target.inboxPrefix }),
    ...(demandsTls(target) && { tls: tlsOf(target.tls ?? {}) })
  }
  const connection = yield* attemptOf(target, options).pipe(
    Effect.retry({
      schedule: Schedule.spaced("500 millis"),
      times: (target.attempts ?? 20) - 1,
      while: ({ passing }) => passing
    }),
    Effect.timeoutOrElse({
      duration: "15 seconds",
      orElse: () => Effect.fail(unreachableAt(target, "no answer within 15 seconds"))
    })
  )
  return { connection, options, login }
})

const attemptOf = (target: Target, options: ConnectionOptions) =>
  Effect.tryPromise({
    try: () => {
      const unknown = target.servers.map(parse).find((url) => !/^(nats|tls):$/.test(url?.protocol ?? ""))
      if (unknown !== undefined) throw new Error("an address begins with neither nats:// nor tls://")
      checkReadable("NATS_TLS_CA", target.tls?.ca)
      checkReadable("NATS_TLS_CERT", target.tls?.cert)
      checkReadable("NATS_TLS_KEY", target.tls?.key)
      return connect(options)
    },
    catch: (error) => unreachableAt(target, error)
  })

const close = (connection: NatsConnection) =>
  Effect.interruptible(Effect.promise(() => connection.drain())).pipe(
    Effect.timeout("2 seconds"),
    Effect.catchCause(() => Effect.promise(() => connection.close())),
    Effect.catchCause((cause) => Effect.logDebug("closing the NATS connection", Cause.pretty(cause)))
  )

const unreachableAt = (target: Target, error: unknown) =>
  unreachable(target.servers.map(withoutCredentials), demandsTls(target), error)
