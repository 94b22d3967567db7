import { Effect, Redacted } from "effect"
import { subscribe, type Subscribed } from "../../src/Consumer/Subscribe.ts"
import { EventLog } from "../../src/EventLog/EventLog.ts"
import { NatsServer } from "../../src/Nats/Server.ts"
import { append } from "./Projecting.ts"

/** Stops it when the scope ends. */
export const scoped = (subscribing: () => Promise<Subscribed>) =>
  Effect.acquireRelease(Effect.promise(subscribing), (consumer) => Effect.promise(consumer.stop))

/** The test's broker, as `subscribe` wants it. */
export const broker = Effect.map(
  NatsServer,
  ({ token, url }) => ({ servers: url, token: Redacted.value(token) })
)

/** Subscribes on the test's broker until the scope ends. */
export const subscribing = <const T extends string = string>(options: Parameters<typeof subscribe<T>>[0]) =>
  Effect.flatMap(broker, (broker) => scoped(() => subscribe<T>({ ...broker, ...options })))

/** Waits for a state, looking often. */
export const until = (holds: () => boolean) =>
  Effect.repeat(Effect.delay(Effect.sync(holds), "5 millis"), { until: (held) => held })

/** Appends events `<name>_<n>` of a type that only one test uses, or of any. */
export const happen = (name: string, count: number, type = `${name}.happened`, from = 1) =>
  Effect.forEach(
    Array.from({ length: count }, (_, at) => `${name}_${from + at}`),
    (id) => append(id, JSON.stringify({ id, event: type, data: { id, country: "CH" } }), type)
  )

/** Waits until it is noticed that the log takes none. */
export const notReady = Effect.flatMap(
  EventLog,
  ({ health }) => Effect.repeat(Effect.delay(health, "10 millis"), { until: ({ ready }) => !ready })
)

/** Waits until the log takes events. */
export const ready = Effect.flatMap(
  EventLog,
  ({ health }) => Effect.repeat(Effect.delay(health, "10 millis"), { until: ({ ready }) => ready })
)
