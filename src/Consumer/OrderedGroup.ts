import { Effect, type Scope } from "effect"
import { randomUUID } from "node:crypto"
import { DeadLetters } from "../EventLog/DeadLetters.ts"
import type { Delivered } from "../EventLog/Delivered.ts"
import type { Health, ReadFailed } from "../EventLog/EventLog.ts"
import { makeReader } from "../EventLog/Reader.ts"
import { filterOf } from "../EventLog/Subjects.ts"
import { managerOf } from "../Nats/Manager.ts"
import { Nats } from "../Nats/Nats.ts"
import { Consumers } from "./Consumer.ts"
import { DeadLetterBreaker, RetryLimited } from "./DeadLetterBreaker.ts"
import { agree } from "./OrderedGroup/Agreement.ts"
import type { GroupOptions } from "./OrderedGroup/GroupOptions.ts"
import { groupRedrives } from "./OrderedGroup/GroupRedrives.ts"
import { runGroup } from "./OrderedGroup/GroupRuntime.ts"
import { type GroupConfig, open } from "./OrderedGroup/GroupStore.ts"
import { handler, type Handling } from "./OrderedGroup/Handler.ts"
import { LeaseClock } from "./OrderedGroup/LeaseClock.ts"
import { logGuard } from "./OrderedGroup/LogGuard.ts"
import { MemberState } from "./OrderedGroup/MemberState.ts"
import { PartitionScheduler } from "./OrderedGroup/PartitionScheduler.ts"
import { type Keyed, type Waiting, waitingOf } from "./OrderedGroup/Waiting.ts"
import { type ConnectionClosed, untilClosed } from "./UserConsumer/Closed.ts"
import { checkOrdered, type ConsumerInvalid } from "./UserConsumer/Invalid.ts"
import type { From } from "./UserConsumer/Start.ts"

/** The settings of a member of an ordered group. */
export interface Settings<T extends string> {
  /** Letters, digits, `_` and `-`. Processes with the same name share the partitions. */
  readonly name: string
  /** The event types to consume; every type when undefined. */
  readonly types?: ReadonlyArray<T> | undefined
  /** Where to start when the name is new. An existing group continues at its place. Default: the first event. */
  readonly from?: From | undefined
  /**
   * Number of partitions: all members together handle at most this many events at once. Default: 16. It never
   * changes.
   */
  readonly partitions?: number | undefined
  /** A member without a heartbeat for this long counts as dead, in milliseconds. Default: 10 seconds. */
  readonly lease?: number | undefined
  /** How long running handlers may take to finish when the member stops, in milliseconds. Default: 20 seconds. */
  readonly stopWithin?: number | undefined
}

export type Options<T extends string, E = never, R = never> = Settings<T> & Keyed<T> & Handling<T, E, R>

/** The lag of a group. */
export interface Lag {
  /** Upper bound of the unfinished events: all events after the checkpoint of the slowest partition. */
  readonly events: number
  /** All events up to this sequence are finished. */
  readonly finishedTo: number
}

/** A running member. */
export interface Running {
  readonly lag: Effect.Effect<Lag, ReadFailed>
  readonly health: Effect.Effect<Health>
  /** Fails when the connection to the broker ends by itself. */
  readonly ended: Effect.Effect<never, ConnectionClosed>
  /** The partitions that this member owns now. */
  readonly partitions: Effect.Effect<ReadonlyArray<number>>
}

/**
 * Joins a group whose members share the partitions of the event log, until the scope ends. Events with the same key
 * are handled one after the other, in the order of the log, at least once. That holds while members join, leave,
 * pause or crash. Fails when an option is invalid or the group's store cannot be reached.
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
    const consumers = yield* Consumers
    const nats = yield* Nats
    const manager = yield* managerOf(nats)
    const reader = makeReader(nats, manager)
    const store = yield* open(nats, manager, options.name)
    const config = yield* agree(store, options, reader.sequenceAt)
    const limit = new DeadLetterBreaker(options.types, yield* RetryLimited)
    const { blocked, handle, stuck } = yield* handler(options, limit)
    const group: GroupOptions<T> = {
      ...memberOf(options, config),
      store,
      log: logGuard(store, manager, reader),
      nats,
      reader,
      deadLetters: yield* DeadLetters,
      handle
    }
    const { act, reason } = yield* runGroup(group)
    yield* Effect.forkScoped(groupRedrives(consumers, group, act))
    return {
      lag: lagOf(group),
      health: Effect.map(stuck, (stuck): Health => {
        const why = (nats.connection.isClosed() ? "the connection to the broker has ended" : nats.fault()) ??
          reason() ?? limit.reason ?? blocked() ?? stuck
        return why === undefined ? { ready: true } : { ready: false, reason: why }
      }),
      ended: untilClosed(nats),
      partitions: Effect.sync(() => [...group.scheduler.member.owned.keys()].toSorted((a, b) => a - b))
    }
  }
)

/** A new member of a group with this configuration. */
const memberOf = <T extends string>(options: Settings<T> & Keyed<T>, config: GroupConfig) => {
  const { lease = 10_000, name, stopWithin = 20_000, types = [">"] } = options
  const { after, partitions } = config
  const id = randomUUID()
  return {
    name,
    id,
    lease,
    stopWithin,
    config,
    clock: new LeaseClock(),
    filter: filterOf({ types }),
    scheduler: new PartitionScheduler<Waiting<T>>(new MemberState({ id, partitions, lease, after })),
    waitingOf: (delivered: Delivered) => waitingOf(options, partitions, delivered)
  }
}

const lagOf = Effect.fnUntraced(function*<T extends string>(
  { config: { after, partitions }, filter, reader, store }: GroupOptions<T>
) {
  const snapshot = yield* store.read
  const checkpoints = Array.from(
    { length: partitions },
    (_, partition) => snapshot.partitions.get(partition)?.record.checkpoint ?? after
  )
  const finishedTo = Math.min(...checkpoints)
  return { events: yield* reader.count({ after: finishedTo, filter }), finishedTo }
})
