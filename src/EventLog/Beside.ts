import { Context, Effect, Layer, References, Semaphore } from "effect"
import { managerOf } from "../Nats/Manager.ts"
import { Nats, type Target } from "../Nats/Nats.ts"
import { EventLog, type ReadOptions } from "./EventLog.ts"
import { stream } from "./Names.ts"
import { entryAt, makeReader } from "./Reader.ts"

/** The broker that the log is on, for those who open a connection of their own to it. */
export class LogTarget extends Context.Service<LogTarget, Target>()("threeqpr-events/EventLog/LogTarget") {}

/**
 * How many reads may be under way at a time. Each brings 8 MiB at most, and nats-server ends a connection that has more
 * than 64 MiB to take.
 */
const mostReads = 4

/**
 * The same log with reads over a connection of their own, few at a time: whatever clients of the private listener ask,
 * it delays no append and cannot end the connection that appends use.
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
      // One that waits for new entries takes no turn: hours can pass until one comes.
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
      // The other connection reports what happens to the broker.
      Layer.provide(Layer.succeed(References.MinimumLogLevel, "None"))
    )
  )
)
