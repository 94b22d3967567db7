import { Context, Effect, Layer, References, Semaphore } from "effect"
import { managerOf } from "../Nats/Manager.ts"
import { Nats, type Target } from "../Nats/Nats.ts"
import { EventLog, type ReadOptions } from "./EventLog.ts"
import { stream } from "./Names.ts"
import { entryAt, makeReader } from "./Reader.ts"

/** The broker of the log, for code that opens its own connection to it. */
export class LogTarget extends Context.Service<LogTarget, Target>()("threeqpr-events/EventLog/LogTarget") {}

/**
 * Maximum number of concurrent reads. Each returns up to 8 MiB, and nats-server closes a connection with more than 64
 * MiB pending.
 */
const mostReads = 4

/**
 * The same log with reads over a separate connection, few at a time. Requests to the private listener therefore
 * cannot delay an append or end the connection that appends use.
 */
export const layer = Layer.effect(
  EventLog,
  Effect.gen(function*() {
    const log = yield* EventLog
    const nats = yield* Nats
    const manager = yield* managerOf(nats)
    const reader = makeReader(nats, manager)
    const inTurn = (yield* Semaphore.make(mostReads)).withPermits(1)
    return EventLog.of({
      ...log,
      get: (sequence) => inTurn(Effect.withSpan(entryAt(manager, stream, sequence), "EventLog.get")),
      // A read that waits for new entries takes no permit, because it can wait for hours.
      read: (options: ReadOptions) =>
        (options.wait ?? 0) > 0 ? reader.read(options) : inTurn(reader.read(options)),
      first: (part) => inTurn(reader.first(part)),
      count: (part) => inTurn(reader.count(part)),
      sequenceAt: (time) => inTurn(reader.sequenceAt(time))
    })
  })
).pipe(
  Layer.provide(
    Layer.unwrap(Effect.map(LogTarget, (target) => Layer.fresh(Nats.layer(target)))).pipe(
      // The main connection already logs what happens to the broker.
      Layer.provide(Layer.succeed(References.MinimumLogLevel, "None"))
    )
  )
)
