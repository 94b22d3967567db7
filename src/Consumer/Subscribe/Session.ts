import { Effect, Exit, Layer, Scope } from "effect"
import type { DeadLetters } from "../../EventLog/DeadLetters.ts"
import type { Nats } from "../../Nats/Nats.ts"
import { type PlainCredentials, redacted, type Target } from "../../Nats/Target.ts"
import * as Logs from "../../Process/Telemetry/Logs.ts"
import type { Consumers } from "../Consumer.ts"
import { layer } from "../UserConsumer.ts"

/**
 * The broker to connect to. Without `servers` it is the one of `serve`: NATS_URL, or the embedded one in DATA_DIR.
 */
export interface Broker extends PlainCredentials {
  /** One address or several, such as `nats://127.0.0.1:4222`. */
  readonly servers?: string | ReadonlyArray<string> | undefined
}

/** Aborts when the handler has to end at once. */
export interface Signal {
  readonly signal: AbortSignal
}

/** A service that runs on its own connection until it is stopped. */
export interface Session<A> {
  readonly running: A
  /** Stops it and disconnects. Later calls return the same promise. */
  readonly stop: () => Promise<void>
  readonly isStopped: () => boolean
}

/** Connects and starts. Releases everything when that fails. */
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
 * Runs an effect with log lines like those of `threeqpr serve`, on standard error. Standard output belongs to the
 * user. The loggers of the user's process stay unchanged.
 */
export const run = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.runPromise(Effect.provide(effect, Logs.layer))

/** Turns a plain function into an effect. Whatever it throws is the error. */
export const attempt = <A>(call: (signal: AbortSignal) => PromiseLike<A> | A) =>
  Effect.tryPromise({ try: async (signal) => call(signal), catch: (error) => error })

const targetOf = ({ servers, ...credentials }: Broker): Target | undefined =>
  servers === undefined
    ? undefined
    : { servers: typeof servers === "string" ? [servers] : servers, ...redacted(credentials) }
