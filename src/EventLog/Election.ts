import { Effect, Schedule } from "effect"
import { ErrorCode, NatsError } from "nats"
import { codeOf, JetStreamCode } from "../Nats/JetStreamCode.ts"
import { messageOf } from "../Process/Failure.ts"
import { monotonicMillis } from "../Process/Monotonic.ts"

/** Maximum time for the servers of a cluster to elect their leaders at start, in seconds. */
const patience = 60

/** Retries until the cluster has elected a leader. */
export type AfterElection = <A>(ask: () => Promise<A>) => Effect.Effect<A, unknown>

/**
 * Waits for leaders, for at most one minute over all requests. A cluster that has just started or lost a server has
 * no leader for some seconds. It creates no stream until all the servers that the stream needs have joined.
 */
export const waitingForLeaders = Effect.map(monotonicMillis, (began): AfterElection => {
  const isInTime = Effect.map(monotonicMillis, (now) => now < began + patience * 1_000)
  let said = false
  return (ask) =>
    Effect.tryPromise({ try: ask, catch: (error) => error }).pipe(
      Effect.tapError((error) => {
        if (said || !isElecting(error)) return Effect.void
        said = true
        return Effect.logWarning(
          `JetStream is not ready: ${messageOf(error)}. Waiting for ${patience} seconds at most.`
        )
      }),
      Effect.retry({
        schedule: Schedule.spaced("250 millis"),
        while: (error) => isElecting(error) ? isInTime : Effect.succeed(false)
      })
    )
})

/** Without a leader, a server does not reply, or replies with one of these codes. */
const isElecting = (error: unknown) =>
  error instanceof NatsError
  && (error.code === ErrorCode.Timeout || electing.has(codeOf(error) ?? 0))

const electing: ReadonlySet<number> = new Set([
  JetStreamCode.noSuitablePeers,
  JetStreamCode.temporarilyUnavailable,
  JetStreamCode.clusterNotAvailable
])
