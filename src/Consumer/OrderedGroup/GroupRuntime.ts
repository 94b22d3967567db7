import { Effect, Queue, type Scope } from "effect"
import { eventOf } from "../../EventLog/Delivered.ts"
import { messageOf } from "../../Process/Failure.ts"
import { GroupFaults } from "./GroupFaults.ts"
import type { GroupOptions } from "./GroupOptions.ts"
import { type Action, hasHeartbeat } from "./GroupRecords.ts"
import { runHandlers, type RunningHandlers } from "./RunningHandlers.ts"

/** Maximum number of entries per reading, and how long to wait for the first of them, in milliseconds. */
const limit = 500
const wait = 1_000

/** How often the log is compared with the group, and the delay after a failed comparison, in milliseconds. */
const compareEvery = 10_000
const compareAgain = 1_000

/** A running group, as the rest of a member uses it. */
export interface RunningGroup {
  /** Starts every event that may start. */
  readonly act: Effect.Effect<void>
  /** Why the group's store or the log prevents events from starting. */
  readonly reason: () => string | undefined
}

/**
 * Runs a member of an ordered group. It sends heartbeats, reads and writes the store, reads the log once for all
 * partitions of the member, and runs handlers. When the scope ends, it waits for running handlers and releases all
 * partitions.
 */
export const runGroup = Effect.fnUntraced(function*<T extends string>(
  options: GroupOptions<T>
): Effect.fn.Return<RunningGroup, never, Scope.Scope> {
  const { clock, lease, scheduler: { member } } = options
  const faults = new GroupFaults(member, options.config)
  const nudges = yield* Queue.sliding<void>(1)
  const nudge = Queue.offer(nudges, undefined)
  const handlers = yield* runHandlers(options, nudge)
  const sync = syncing(options, faults, handlers.act)
  // The interval grows while the store does not answer, up to one lease.
  const pause = Effect.suspend(() =>
    Effect.raceFirst(Effect.sleep(Math.min(lease, member.tick * 2 ** faults.failures)), Queue.take(nudges))
  )
  const keepComparing = yield* comparing(options, faults, nudge)
  yield* sync
  yield* Effect.addFinalizer(() => leave(options, faults, { handlers, sync, pause }))
  yield* Effect.forkScoped(Effect.forever(reading(options, handlers.act)))
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(pause, sync)))
  yield* Effect.forkScoped(keepComparing)
  return { act: handlers.act, reason: () => faults.reason(clock.now()) }
})

/** Sends a heartbeat, reads the store, and makes the writes that the member decides. */
const syncing = <T extends string>(
  options: GroupOptions<T>,
  faults: GroupFaults,
  act: Effect.Effect<void>
): Effect.Effect<void> => {
  const { clock, id, lease, log, name, scheduler: { member }, store } = options
  return Effect.gen(function*() {
    const sentAt = clock.now()
    const revision = yield* store.heartbeat(id, lease)
    const contents = yield* store.read
    faults.read(contents, hasHeartbeat(contents, id, revision))
    const actions = member.look(clock.now(), contents, { sentAt, revision })
    yield* act
    yield* Effect.forEach(actions, (action) => write(options, action), { concurrency: 16, discard: true })
    if (member.halted === undefined) yield* log.remember
    faults.succeeded()
    yield* act
  }).pipe(
    Effect.catchTag("BucketMissing", (missing) => {
      faults.bucketMissing(missing.message)
      return Effect.fail(missing)
    }),
    Effect.catchCause((cause) => {
      const failure = messageOf(cause)
      faults.failed(failure)
      return Effect.logDebug(`${name}: the state of the group cannot be read: ${failure}`)
    }),
    Effect.andThen(Effect.suspend(() => logged(name, faults.news(clock.now()))))
  )
}

const write = Effect.fnUntraced(function*<T extends string>(
  { name, scheduler: { member }, store }: GroupOptions<T>,
  action: Action
) {
  if (action._tag === "Forget") return yield* store.removeMember(action.member)
  const revision = yield* store.write(action.partition, action.record, action.expected)
  if (revision === undefined) return member.refused(action)
  member.wrote(action, revision)
  if (action._tag === "Claim") {
    yield* Effect.logDebug(`${name}: owns partition ${action.partition} with token ${revision}`)
  }
})

const logged = (name: string, news: string | null | undefined) =>
  news === undefined
    ? Effect.void
    : news === null
    ? Effect.logInfo(`the ordered group ${name} handles events again`)
    : Effect.logWarning(`the ordered group ${name} handles no event: ${news}`)

/** Compares the log with the group. The result compares it again, at intervals and after each reconnect. */
const comparing = Effect.fnUntraced(function*<T extends string>(
  { log, name, nats }: GroupOptions<T>,
  faults: GroupFaults,
  nudge: Effect.Effect<unknown>
) {
  const reconnects = yield* Queue.sliding<void>(1)
  const compare = log.check.pipe(
    Effect.flatMap((fault) => faults.compared(fault) ? nudge : Effect.void),
    Effect.as(compareEvery),
    Effect.catchCause((cause) =>
      Effect.as(Effect.logDebug(`${name}: the log cannot be compared: ${messageOf(cause)}`), compareAgain)
    )
  )
  yield* nats.onChange((connected) => {
    // After a reconnect the address can lead to another log.
    if (connected) Queue.offerUnsafe(reconnects, undefined)
    else faults.disconnected()
  })
  let wait = yield* compare
  return Effect.forever(Effect.gen(function*() {
    yield* Effect.raceFirst(Effect.sleep(wait), Queue.take(reconnects))
    wait = yield* compare
  }))
})

/** Reads the log once for all partitions that have room. */
const reading = <T extends string>(options: GroupOptions<T>, act: Effect.Effect<void>) => {
  const { filter, log, name, scheduler: { buffer } } = options
  return Effect.gen(function*() {
    const { after } = buffer
    if (after === undefined) return yield* Effect.sleep("20 millis")
    const entries = yield* options.reader.follow({ after, limit, wait, filter })
    log.saw(entries.at(-1))
    const waiting = entries.flatMap((entry) => options.waitingOf(eventOf(entry)) ?? [])
    buffer.offer(
      after,
      entries.at(-1)?.sequence ?? after,
      waiting.map((event) => [event.partition, event])
    )
    yield* act
  }).pipe(
    Effect.catch(({ message }) =>
      Effect.andThen(Effect.logDebug(`${name}: the log cannot be read: ${message}`), Effect.sleep("1 second"))
    )
  )
}

/** Releases all partitions, and waits for running handlers up to `stopWithin`. */
const leave = <T extends string>(
  options: GroupOptions<T>,
  faults: GroupFaults,
  { handlers, pause, sync }: {
    readonly handlers: RunningHandlers
    readonly sync: Effect.Effect<void>
    readonly pause: Effect.Effect<void>
  }
) =>
  Effect.gen(function*() {
    const { clock, id, nats, scheduler: { member }, stopWithin, store } = options
    const isClosed = () => nats.connection.isClosed()
    const isConnected = () => nats.isConnected() && !isClosed()
    member.leave()
    // When the store has not answered for longer than the lease, other members take the partitions without a release.
    const hasLeft = () =>
      !member.hasToRelease || isClosed() || (faults.failures > 0 && !member.isValid(clock.now()))
    const released = Effect.repeat(
      Effect.andThen(sync, Effect.suspend(() => hasLeft() ? Effect.void : pause)),
      { until: hasLeft }
    )
    yield* Effect.timeoutOption(
      Effect.andThen(member.halted === undefined ? released : Effect.void, handlers.finished),
      stopWithin
    )
    yield* handlers.interrupt
    // Without a connection each request would only time out.
    if (member.owned.size > 0 && isConnected()) yield* sync
    if (isConnected()) yield* Effect.ignore(store.removeMember(id))
  })
