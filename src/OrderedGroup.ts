import { Effect, type Scope } from "effect"
import { randomUUID } from "node:crypto"
import { Consumers, type Outcome, retryAfter } from "./Consumer.ts"
import type { Delivered } from "./Consumer/Delivered.ts"
import { ShareLimit } from "./Consumer/ShareLimit.ts"
import { DeadLetters } from "./DeadLetters.ts"
import type { Health, ReadFailed } from "./EventLog.ts"
import { makeReader } from "./EventLog/Reader.ts"
import { Nats } from "./Nats.ts"
import { Desk } from "./OrderedGroup/Desk.ts"
import { handler, type Handling } from "./OrderedGroup/Handler.ts"
import { Member } from "./OrderedGroup/Member.ts"
import { type GroupConfig, open, type Store } from "./OrderedGroup/Store.ts"
import { type Keyed, type Waiting, waitingOf } from "./OrderedGroup/Waiting.ts"
import { work } from "./OrderedGroup/Work.ts"
import { filterOf } from "./Projection.ts"
import { checkOrdered, ConsumerInvalid } from "./UserConsumer/Invalid.ts"
import type { From } from "./UserConsumer/Start.ts"

/** What to consume in order, and how. */
export interface Settings<T extends string> {
  /** Letters, digits, `_` and `-`. Processes with the same name share the partitions. */
  readonly name: string
  /** The event types to consume; every type when undefined. */
  readonly types?: ReadonlyArray<T> | undefined
  /** Where to begin when the name is new; later it goes on where it was. With the first event when undefined. */
  readonly from?: From | undefined
  /** Events are handled at most so many at a time, by all members together: 16 when undefined. Never changes. */
  readonly partitions?: number | undefined
  /** After so long without a sign of life a member is taken for dead, in milliseconds; 10 seconds when undefined. */
  readonly lease?: number | undefined
  /** How long what has begun may take to end when we stop, in milliseconds; 20 seconds when undefined. */
  readonly stopWithin?: number | undefined
}

export type Options<T extends string, E = never, R = never> = Settings<T> & Keyed<T> & Handling<T, E, R>

/** How far behind a group is. */
export interface Lag {
  /** At most so many events are not finished: all that are behind the slowest partition. */
  readonly events: number
  /** All events up to this sequence are finished. */
  readonly finishedTo: number
}

/** A member that runs. */
export interface Running {
  readonly lag: Effect.Effect<Lag, ReadFailed>
  readonly health: Effect.Effect<Health>
  /** The partitions that are this member's now. */
  readonly partitions: Effect.Effect<ReadonlyArray<number>>
}

/**
 * Joins a group whose members share the partitions of the event log, until the scope ends. Events with the same
 * key are handled strictly one after the other in the order of the log, whoever joins, leaves, stands still or
 * dies; at least once. Fails when an option is wrong or the group's store cannot be reached.
 */
export const start = Effect.fnUntraced(
  function*<const T extends string, E, R>(
    options: Options<T, E, R>
  ): Effect.fn.Return<
    Running,
    ConsumerInvalid | ReadFailed,
    Consumers | DeadLetters | Nats | R | Scope.Scope
  > {
    yield* checkOrdered(options)
    const { lease = 10_000, name, stopWithin = 20_000, types } = options
    const consumers = yield* Consumers
    const deadLetters = yield* DeadLetters
    const nats = yield* Nats
    const manager = yield* Effect.promise(() => nats.connection.jetstreamManager({ checkAPI: false }))
    const store = yield* open(nats, manager, name)
    const reader = makeReader(nats, manager)
    const { after, partitions } = yield* configure(store, options, reader.sequenceAt)
    const id = randomUUID()
    const member = new Member({ id, partitions, lease, after })
    const desk = new Desk<Waiting<T>>(member)
    const limit = new ShareLimit(types)
    const { blocked, handle, stuck } = yield* handler(options, limit)
    const filter = filterOf({ types: types ?? [">"] })
    const place = (delivered: Delivered) => waitingOf(options, partitions, delivered)
    const redrive = Effect.fnUntraced(function*(delivered: Delivered) {
      const waiting = place(delivered)
      const begun = waiting && desk.borrow(waiting.partition, performance.now())
      if (waiting === undefined || begun === undefined) return retryAfter(member.tick)
      const outcome = yield* handle(waiting, begun.owned)
      desk.end(begun, outcome === "fenced" ? { _tag: "Fenced" } : { _tag: "Done" })
      return typeof outcome === "string" ? retryAfter(member.tick) : outcome
    }, Effect.uninterruptible)
    yield* work({
      name,
      id,
      filter,
      stopWithin,
      store,
      desk,
      read: reader.follow,
      deadLetters,
      waitingOf: place,
      handle
    })
    const redrives = consumers.runRedrives({
      durable: name,
      maxBatch: 1,
      hold: true,
      pause: Effect.void,
      handle: (batch): Effect.Effect<ReadonlyArray<Outcome>> => Effect.forEach(batch, redrive)
    })
    yield* Effect.forkScoped(
      Effect.tapError(
        redrives,
        ({ message }) => Effect.logWarning(`dead letters cannot be redriven: ${message}`)
      )
    )
    return {
      lag: Effect.gen(function*() {
        const snapshot = yield* store.read
        const checkpoints = Array.from(
          { length: partitions },
          (_, partition) => snapshot.partitions.get(partition)?.record.checkpoint ?? after
        )
        const finishedTo = Math.min(...checkpoints)
        return { events: yield* reader.count({ after: finishedTo, filter }), finishedTo }
      }),
      health: Effect.map(stuck, (stuck): Health => {
        const reason = member.isValid(performance.now())
          ? limit.reason ?? blocked() ?? stuck
          : "no sign of life could be given: the broker is away"
        return reason === undefined ? { ready: true } : { ready: false, reason }
      }),
      partitions: Effect.sync(() => [...member.owned.keys()].toSorted((a, b) => a - b))
    }
  }
)

/** The group's configuration, made when it is new; another number of partitions is refused. */
const configure = Effect.fnUntraced(function*(
  store: Store,
  { from = "all", name, partitions }: Pick<Settings<string>, "from" | "name" | "partitions">,
  sequenceAt: (time: number) => Effect.Effect<number, ReadFailed>
) {
  const found = yield* store.configured
  if (found === undefined) {
    const begin = from === "all"
      ? 1
      : from === "new"
      ? yield* sequenceAt(farAway)
      : "time" in from
      ? yield* sequenceAt(from.time.getTime())
      : from.sequence
    return yield* refused(
      name,
      partitions,
      yield* store.configure({ partitions: partitions ?? 16, after: begin - 1 })
    )
  }
  return yield* refused(name, partitions, found)
})

const refused = (name: string, wanted: number | undefined, config: GroupConfig) =>
  wanted === undefined || wanted === config.partitions
    ? Effect.succeed(config)
    : Effect.fail(
      new ConsumerInvalid({
        message:
          `The group ${name} has ${config.partitions} partitions for good, and ${wanted} are asked for. `
          + "Leave the number out, or give what has another number another name; to go on where this group is, "
          + "stop it and begin behind its `lag().finishedTo`."
      })
    )

/** In this year nothing is stored yet. */
const farAway = Date.UTC(2200, 0)
