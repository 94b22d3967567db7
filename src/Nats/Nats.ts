/**
 * Room `Nats`: the connection, and the embedded broker.
 *
 * Promises: The connection returns by itself after each loss. The embedded broker ends with its process.
 *
 * May use: `Process`.
 */
import { Cause, Context, Duration, Effect, Layer, Predicate, Redacted, Schedule, type Scope } from "effect"
import { connect, type ConnectionOptions, createInbox, Events, type NatsConnection } from "nats"
import { reconnectAfterClockBack } from "./ClockBack.ts"
import { checkReadable, type Credentials, type Login, loginOf } from "./Credentials.ts"
import { ignoreErrorsOfNobody } from "./DenoSocket.ts"
import { keepWithin, type Limits } from "./Limits.ts"
import { readNewestOnly } from "./Readers.ts"
import { loginRemedy, refusals, unreachable } from "./Unreachable.ts"

export { NatsUnreachable } from "./Unreachable.ts"

/** Which broker to connect to, and as whom. Paths name files. */
export interface Target extends Credentials {
  /** `nats://` addresses, which use TLS where the server has it, or `tls://` ones, which demand it of all servers. */
  readonly servers: ReadonlyArray<string>
  /** Naming a file demands TLS. */
  readonly tls?: TlsFiles | undefined
  /** What every inbox begins with; `_INBOX` when undefined. One of a user's own keeps others out of its answers. */
  readonly inboxPrefix?: string | undefined
  /** What the account demands of streams and consumers. */
  readonly limits?: Limits | undefined
  /** How often to try before the start fails; half a second apart. */
  readonly attempts?: number | undefined
}

export interface TlsFiles {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

/** One connection to the broker. It reconnects without a limit, also after the broker has refused our log-in. */
export class Nats extends Context.Service<Nats, {
  readonly connection: NatsConnection
  readonly isConnected: () => boolean
  /** Why it is not connected, and the remedy where one is known; undefined while it is connected. */
  readonly fault: () => string | undefined
  /** Calls back at once when the connection is lost (true → false) or is back, until the scope ends. */
  readonly onChange: (listener: (connected: boolean) => void) => Effect.Effect<void, never, Scope.Scope>
  /** Whether the cluster has other servers, as far as the server has reported. */
  readonly hasOthers: () => boolean
  /** A new subject for answers. */
  readonly newInbox: () => string
  /** Leaves the server that we are connected to for the next one. */
  readonly moveOn: Effect.Effect<void>
  /** Of the server that we are connected to, such as 2.14.5. */
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

/** What is known of the connection. */
class Watched {
  connected = true
  /** Refused log-ins since the connection was last there. */
  refused = 0
  /** Why it is away, without an address or a secret. */
  fault: string | undefined
  /** Whether we close it ourselves. */
  closing = false
}

/** Follows what the client reports: that the connection is lost or back, and that the server refuses our log-in. */
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
        run(Effect.logWarning("The connection to NATS is lost. It is made again by itself"))
      } else if (type === Events.Reconnect && !watched.connected) {
        watched.refused = 0
        watched.fault = undefined
        change(true)
        const away = Duration.format(Duration.millis(Math.round(performance.now() - since)))
        run(Effect.logInfo(`Connected to NATS at ${connection.getServer()} again after ${away}`))
      } else if (type === Events.Error && refusals.has(String(data))) {
        watched.refused++
        const file = login.fault()
        const what = watched.connected ? "ends our session" : "refuses our log-in"
        const fault = `the broker ${what} (${data}). ${file === undefined ? "" : `${file}. `}${loginRemedy}`
        const log = watched.connected ? Effect.logWarning : Effect.logError
        if (fault !== watched.fault) run(log(`NATS: ${fault}`))
        watched.fault = fault
      }
    }
  })
  // The client ends this only when it closes.
  if (watched.closing) return
  watched.fault = "the NATS client has closed the connection permanently. Start this process again."
  yield* Effect.logError(`NATS: ${watched.fault}`)
  change(false)
})

/** How long the connection is away before its reason is looked for, and how often after that. */
const unexplained = { first: "1 second", next: "10 seconds" } as const

/**
 * Finds out why the connection does not come back. The client reports no failed attempt but a refused log-in, so an
 * attempt of its own tells it: no such host, a server without the TLS that is demanded, another certificate.
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
    // Anybody can read the readiness of the public listener: the names of hosts are for the log only.
    const why = failure.passing ? ` (${codeOf(failure.cause)})` : `: ${failure.reason}`
    const fault = `the broker is not connected${why}. ${failure.remedy}`
    if (fault !== watched.fault) yield* Effect.logWarning(`NATS: ${failure.message}`)
    watched.fault = fault
  }
})

const codeOf = (error: unknown) => Predicate.hasProperty(error, "code") ? String(error.code) : "no answer"

// The client's own defaults give up after some 20 s of outage and notice a dead peer after 6 minutes.
const lasting = {
  reconnect: true,
  maxReconnectAttempts: -1,
  // By default two equal refusals close the client permanently.
  ignoreAuthErrorAbort: true,
  // With these three a broker that hangs is detected within 12 seconds.
  pingInterval: 4_000,
  maxPingOut: 2,
  timeout: 5_000
}

/** How long to wait between two attempts, in milliseconds: longer while the server refuses our log-in. */
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
      if (unknown !== undefined) throw new Error("an address is neither nats:// nor tls://")
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

/** One address with tls:// is enough: the same credentials go to all servers. */
const demandsTls = ({ servers, tls }: Target) =>
  tls !== undefined || servers.some((server) => parse(server)?.protocol === "tls:")

/** With the user and the password of an address, unless they are given otherwise. */
const withUrlCredentials = (target: Target): Credentials => {
  const url = target.servers.map(parse).find((server) => server?.username)
  if (!url) return target
  return {
    ...target,
    user: target.user ?? decodeURIComponent(url.username),
    password: target.password ?? Redacted.make(decodeURIComponent(url.password))
  }
}

const tlsOf = (files: TlsFiles) => ({
  ...(files.ca !== undefined && { caFile: files.ca }),
  ...(files.cert !== undefined && { certFile: files.cert }),
  ...(files.key !== undefined && { keyFile: files.key })
})

const parse = (server: string) => URL.parse(server.includes("://") ? server : `nats://${server}`)

const withoutCredentials = (server: string) => {
  const url = parse(server)
  return url ? `${url.protocol}//${url.host}` : server
}
