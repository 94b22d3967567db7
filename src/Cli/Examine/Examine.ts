/**
 * Room `Cli/Examine`: the checks of `doctor`.
 *
 * Promises: It changes nothing. Each finding has its remedy.
 *
 * May use: `Domain`, `Process`, `Signature`, `Nats`, `Database`, `EventLog`, `Consumer`.
 */
import { Effect, Exit } from "effect"
import { withKept } from "../../Process/AdminToken.ts"
import { type Config, type Flags, load } from "../../Process/Config.ts"
import { broker, connect } from "./Broker.ts"
import { configuration } from "./Configuration.ts"
import { durableConsumers } from "./DurableConsumers.ts"
import { eventStream, logOf } from "./EventStream.ts"
import { failed, failedWith, type Finding, ok, skipped } from "./Finding.ts"
import { privateListener } from "./PrivateListener.ts"
import { publicListener } from "./PublicListener.ts"
import { projections } from "./ReadModelProgress.ts"
import { readModels } from "./ReadModels.ts"
import { webhookSecret } from "./Secret.ts"
import type { Log, Subject } from "./Subject.ts"
import { timeToAck } from "./TimeToAck.ts"
import { within } from "./Within.ts"

/** The finding of one check, with its name. */
export interface Checked extends Finding {
  readonly check: string
}

/**
 * Checks everything that a running system needs. Checks are independent, and each takes at most 5 seconds. Nothing is
 * changed, except that probes for the time to ack are published and deleted again.
 *
 * @param locate returns the addresses of the listeners for the settings
 */
export const examine = Effect.fn("Doctor.examine")(
  function*(flags: Flags, locate: (config: Config) => Pick<Subject, "url" | "adminUrl">) {
    const loaded = yield* Effect.exit(load(flags))
    if (Exit.isFailure(loaded)) {
      return [
        { check: "configuration", ...failedWith(loaded.cause) },
        ...checks.slice(1).map((check) => ({ check, ...skipped("needs valid settings") }))
      ]
    }
    const located = locate(loaded.value)
    const config = yield* withKept(loaded.value, located.adminUrl)
    const nats = yield* Effect.cached(yield* inContext(connect(config)))
    const log = yield* Effect.cached(Effect.flatMap(nats, logOf))
    const findings = yield* Effect.all(checksOf({ config, nats, log, ...located }), {
      concurrency: "unbounded"
    })
    return checks.map((check): Checked => ({ check, ...findings[check] }))
  },
  Effect.scoped
)

/** In the order in which events pass these parts. */
const checks = [
  "configuration",
  "webhook secret",
  "3QPR API key",
  "broker",
  "stream",
  "consumers",
  "time to ack",
  "database",
  "read models",
  "public listener",
  "private listener"
] as const

const checksOf = (subject: Subject) => ({
  "configuration": settled(configuration(subject.config)),
  "webhook secret": settled(webhookSecret(subject)),
  "3QPR API key": Effect.succeed(apiKey(subject.config)),
  "broker": settled(broker(subject)),
  "stream": settled(
    withLog(subject, (log) => eventStream(subject.config, log), failedWith)
  ),
  "consumers": settled(withLog(subject, durableConsumers, () => skipped("needs the stream"))),
  "time to ack": settled(withLog(subject, timeToAck, () => skipped("needs the stream"))),
  "database": settled(readModels(subject)),
  "read models": settled(projections(subject)),
  "public listener": settled(publicListener(subject)),
  "private listener": settled(privateListener(subject))
} satisfies Record<(typeof checks)[number], unknown>)

const apiKey = ({ apiKey }: Config) =>
  apiKey === undefined
    ? skipped(
      "not set",
      "Set THREEQPR_API_KEY to register webhooks. Receiving them does not require it."
    )
    : ok("set")

const withLog = <R>(
  { log, nats }: Subject,
  check: (log: Log) => Effect.Effect<Finding, never, R>,
  withoutStream: (error: Error) => Finding
): Effect.Effect<Finding, never, R> =>
  Effect.matchEffect(nats, {
    onFailure: () => Effect.succeed(skipped("needs the broker")),
    onSuccess: () =>
      Effect.matchEffect(log, {
        onFailure: (error) => Effect.succeed(withoutStream(error)),
        onSuccess: check
      })
  })

/** Runs a check with a time limit. A check that fails unexpectedly becomes a finding. */
const settled = <E, R>(check: Effect.Effect<Finding, E, R>) =>
  within(
    Effect.catchCause(check, (cause) => Effect.succeed(failedWith(cause))),
    longest,
    () =>
      Effect.succeed(
        failed("no answer within 5 seconds", "Check whether it is overloaded or does not respond.")
      )
  )

/** Time limit of one check, in milliseconds. */
const longest = 5_000

const inContext = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.context<R>(), (context) => Effect.provideContext(effect, context))
