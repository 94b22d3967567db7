import { Effect, Exit, Layer, Redacted, Scope } from "effect"
import type { DeadLetters } from "../../EventLog/DeadLetters.ts"
import type { Nats, Target, TlsFiles } from "../../Nats/Nats.ts"
import * as Logs from "../../Process/Telemetry/Logs.ts"
import type { Consumers } from "../Consumer.ts"
import { layer } from "../UserConsumer.ts"

/** Which broker; without servers that of `serve`: NATS_URL, or the embedded one that runs in DATA_DIR. */
export interface Broker {
  /** One address or several, such as `nats://127.0.0.1:4222`. */
  readonly servers?: string | ReadonlyArray<string> | undefined
  readonly token?: string | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** Path of a NATS credentials file. */
  readonly credentialsFile?: string | undefined
  /** Paths of PEM files. */
  readonly tls?: TlsFiles | undefined
}

/** Aborts when the handler has to end at once. */
export interface Signal {
  readonly signal: AbortSignal
}

/** Something that runs on its own connection until it is stopped. */
export interface Session<A> {
  readonly running: A
  /** Stops it, once, and disconnects. */
  readonly stop: () => Promise<void>
  readonly isStopped: () => boolean
}

/** Connects and starts; what was begun is undone when that fails. */
export const open = async <A, E>(
  broker: Broker,
  start: Effect.Effect<A, E, Consumers | DeadLetters | Nats | Scope.Scope>
): Promise<Session<A>> => {
  const scope = Scope.makeUnsafe()
  const close = Scope.close(scope, Exit.void)
  const running = await run(
    Layer.buildWithScope(layer(targetOf(broker)), scope).pipe(
      Effect.flatMap((context) => Effect.provideContext(start, context)),
      Scope.provide(scope),
      Effect.onError(() => close)
    )
  )
  let stopped: Promise<void> | undefined
  return { running, stop: () => stopped ??= run(close), isStopped: () => stopped !== undefined }
}

/**
 * Runs an effect with the log lines of `threeqpr serve`, on standard error: standard output is the user's. The loggers
 * of the user's own process stay as they are.
 */
export const run = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.runPromise(Effect.provide(effect, Logs.layer))

/** A plain function as an effect, whatever it throws as its error. */
export const attempt = <A>(call: (signal: AbortSignal) => PromiseLike<A> | A) =>
  Effect.tryPromise({ try: async (signal) => call(signal), catch: (error) => error })

const targetOf = ({ credentialsFile, password, servers, tls, token, user }: Broker): Target | undefined =>
  servers === undefined ? undefined : {
    servers: typeof servers === "string" ? [servers] : servers,
    token: token === undefined ? undefined : Redacted.make(token),
    user,
    password: password === undefined ? undefined : Redacted.make(password),
    credentialsFile,
    tls
  }
