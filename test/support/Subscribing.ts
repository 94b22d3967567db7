import { Effect, Redacted } from "effect"
import { subscribe, type Subscribed } from "../../src/Consumer/Subscribe.ts"
import { EventLog } from "../../src/EventLog/EventLog.ts"
import { NatsServer } from "../../src/Nats/Server.ts"
import { append } from "./Projecting.ts"
import { poll } from "./Until.ts"

/** Stops the subscription when the scope ends. */
export const scoped = (subscribing: () => Promise<Subscribed>) =>
  Effect.acquireRelease(Effect.promise(subscribing), (consumer) => Effect.promise(consumer.stop))

/** The address of the test's broker, as options of `subscribe`. */
export const broker = Effect.map(
  NatsServer,
  ({ token, url }) => ({ servers: url, token: Redacted.value(token) })
)

/** Subscribes at the test's broker until the scope ends. */
export const subscribing = <const T extends string = string>(options: Parameters<typeof subscribe<T>>[0]) =>
  Effect.flatMap(broker, (broker) => scoped(() => subscribe<T>({ ...broker, ...options })))

/** Waits until a condition holds. */
export const until = (holds: () => boolean) => poll(Effect.sync(holds), (held) => held)

/** Appends events `<name>_<n>`. By default their type is unique to one test. */
export const happen = (name: string, count: number, type = `${name}.happened`, from = 1) =>
  Effect.forEach(
    Array.from({ length: count }, (_, at) => `${name}_${from + at}`),
    (id) => append(id, JSON.stringify({ id, event: type, data: { id, country: "CH" } }), type)
  )

/** Waits until the log reports that it is not ready. */
export const notReady = Effect.flatMap(
  EventLog,
  ({ health }) => poll(health, ({ ready }) => !ready)
)

/** Waits until the log reports that it is ready. */
export const ready = Effect.flatMap(
  EventLog,
  ({ health }) => poll(health, ({ ready }) => ready)
)
