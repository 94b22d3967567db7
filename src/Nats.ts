import { Cause, Context, Effect, Layer, Redacted, Schedule, Schema, type Scope } from "effect"
import {
  type Authenticator,
  connect,
  createInbox,
  credsAuthenticator,
  Events,
  type NatsConnection
} from "nats"
import { readFileSync } from "node:fs"
import { messageOf } from "./Failure.ts"
import { ignoreErrorsOfNobody } from "./Nats/DenoSocket.ts"
import { readNewestOnly } from "./Nats/Readers.ts"

/** Which broker to connect to, and as whom. Paths name files. */
export interface Target {
  readonly servers: ReadonlyArray<string>
  readonly token?: Redacted.Redacted<string> | undefined
  readonly user?: string | undefined
  readonly password?: Redacted.Redacted<string> | undefined
  readonly credentialsFile?: string | undefined
  readonly tls?: TlsFiles | undefined
  /** What every inbox begins with; `_INBOX` when undefined. One of a user's own keeps others out of its answers. */
  readonly inboxPrefix?: string | undefined
  /** How often to try before the start fails; half a second apart. */
  readonly attempts?: number | undefined
}

export interface TlsFiles {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

/** The broker could not be reached, or refused us, when we started. */
export class NatsUnreachable
  extends Schema.TaggedError<NatsUnreachable>()("NatsUnreachable", { message: Schema.String })
{}

/** One connection to the broker that reconnects for ever. */
export class Nats extends Context.Service<Nats, {
  readonly connection: NatsConnection
  readonly isConnected: () => boolean
  /** Calls back at once when the connection is lost (true → false) or is back, until the scope ends. */
  readonly onChange: (listener: (connected: boolean) => void) => Effect.Effect<void, never, Scope.Scope>
  /** Whether the cluster has other servers, as far as we were told. */
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
  const connection = yield* Effect.acquireRelease(open(target), close)
  const listeners = new Set<(connected: boolean) => void>()
  let connected = true
  const change = (now: boolean) => {
    if (now === connected) return
    connected = now
    for (const listener of listeners) listener(now)
  }
  yield* Effect.forkScoped(Effect.promise(async () => {
    for await (const status of connection.status()) {
      if (status.type === Events.Disconnect) change(false)
      if (status.type === Events.Reconnect) change(true)
    }
  }))
  return Nats.of({
    connection,
    isConnected: () => connected,
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

// The client's own defaults give up after some 20 s of outage and notice a dead peer after 6 minutes.
const lasting = {
  reconnect: true,
  maxReconnectAttempts: -1,
  reconnectTimeWait: 250,
  reconnectJitter: 100,
  // With these three a broker that stands still is noticed within 12 seconds.
  pingInterval: 4_000,
  maxPingOut: 2,
  timeout: 5_000
}

const open = (target: Target) =>
  Effect.tryPromise({
    try: () =>
      connect({
        ...lasting,
        name: "threeqpr-events",
        servers: target.servers.map(withoutCredentials),
        ...credentialsOf(target)
      }),
    catch: (error) => unreachable(target, error)
  }).pipe(
    Effect.retry({
      schedule: Schedule.spaced("500 millis"),
      times: (target.attempts ?? 20) - 1,
      while: ({ message }) => !/authorization|ENOENT/i.test(message) && !isAboutCertificates(message)
    }),
    Effect.timeoutOrElse({
      duration: "15 seconds",
      orElse: () => Effect.fail(unreachable(target, "no answer within 15 seconds"))
    })
  )

const close = (connection: NatsConnection) =>
  Effect.interruptible(Effect.promise(() => connection.drain())).pipe(
    Effect.timeout("2 seconds"),
    Effect.catchCause(() => Effect.promise(() => connection.close())),
    Effect.catchCause((cause) => Effect.logDebug("closing the NATS connection", Cause.pretty(cause)))
  )

const unreachable = (target: Target, error: unknown) => {
  const reason = messageOf(error)
  return new NatsUnreachable({
    message:
      `Cannot connect to NATS at ${target.servers.map(withoutCredentials).join(", ")}: ${reason}. Check `
      + "NATS_URL and the credentials (NATS_CREDS, NATS_USER and NATS_PASSWORD, or NATS_TOKEN), and "
      + `that the server runs; without NATS_URL an embedded broker is used.${
        target.tls || isAboutCertificates(reason) ? tlsHint : ""
      }`
  })
}

const tlsHint =
  " With TLS, NATS_TLS_CA names the file of the authority that vouches for the server, and NATS_TLS_CERT "
  + "and NATS_TLS_KEY are needed when the server asks for a certificate of ours."

/** As Node and as Deno say it. */
const isAboutCertificates = (reason: string) => /certificate|UnknownIssuer/i.test(reason)

const credentialsOf = (target: Target) => {
  const url = target.servers.map(parse).find((server) => server?.username)
  const user = target.user ?? (url ? decodeURIComponent(url.username) : undefined)
  const password = target.password
    ? Redacted.value(target.password)
    : url
    ? decodeURIComponent(url.password)
    : undefined
  const authenticator: Authenticator | undefined = target.credentialsFile === undefined
    ? undefined
    : credsAuthenticator(readFileSync(target.credentialsFile))
  return {
    ...(target.token && { token: Redacted.value(target.token) }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { pass: password }),
    ...(authenticator && { authenticator }),
    ...(target.inboxPrefix !== undefined && { inboxPrefix: target.inboxPrefix }),
    ...(target.tls && { tls: tlsOf(target.tls) })
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
