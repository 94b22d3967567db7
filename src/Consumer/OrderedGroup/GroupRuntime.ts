import { Cause, Effect, Exit, Fiber, Queue, Scope } from "effect"
import { eventOf } from "../../EventLog/Delivered.ts"
import { messageOf } from "../../Process/Failure.ts"
import { otherBucket, otherConfig } from "./Agreement.ts"
import type { GroupOptions } from "./GroupOptions.ts"
import type { Action } from "./GroupRecords.ts"
import type { Contents } from "./GroupStore.ts"
import type { End, RunningEvent } from "./PartitionScheduler.ts"
import type { Waiting } from "./Waiting.ts"

/** Maximum number of entries per reading, and how long to wait for the first of them, in milliseconds. */
const limit = 500
const wait = 1_000

/** A running group, as the rest of a member uses it. */
export interface RunningGroup {
  /** Starts every event that may start. */
  readonly act: Effect.Effect<void>
  /** Why the group's store or the log prevents events from starting. */
  readonly reason: () => string | undefined
}

/** How often the log is compared with the group, in milliseconds. */
const compareEvery = 10_000

/**
 * Runs a member of an ordered group. It sends heartbeats, reads and writes the store, reads the log once for all
 * partitions of the member, and runs handlers. When the scope ends, it waits for running handlers and releases all
 * partitions.
 */
export const runGroup = Effect.fnUntraced(function*<T extends string>(
  options: GroupOptions<T>
): Effect.fn.Return<RunningGroup, never, Scope.Scope> {
  const { clock, scheduler, id, lease, log, name, store } = options
  const { member } = scheduler
  const handlers = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
  const fibers = new Map<RunningEvent<Waiting<T>>, Fiber.Fiber<void>>()
  const nudges = yield* Queue.sliding<void>(1)
  /** No event starts before the log is compared with the group. */
  let logFault: string | undefined = "the event log is not yet compared with the group"
  let storeFault: string | undefined
  /** The creation time of the bucket that this member joined. */
  let created: string | undefined
  let failures = 0
  let lastFailure: string | undefined
  let warned: string | undefined

  const again = (millis: number): End => ({ _tag: "Again", notBefore: clock.now() + millis })

  const act: Effect.Effect<void> = Effect.suspend(() => {
    for (const begun of scheduler.align()) fibers.get(begun)?.interruptUnsafe()
    return Effect.forEach(scheduler.begin(clock.now()), begin, { discard: true })
  })

  const begin = (begun: RunningEvent<Waiting<T>>) =>
    attempt(begun).pipe(
      // The partition waits for the end of its event, so a defect must end it too.
      Effect.catchCause((cause) =>
        Effect.as(
          Effect.logError(`${name}: event ${begun.event?.delivered.id} is repeated: ${Cause.pretty(cause)}`),
          again(5_000)
        )
      ),
      Effect.flatMap((end) => finish(begun, end)),
      // Uninterruptible from the start: a fiber that is interrupted before it runs must call `finish`, too.
      Effect.forkIn(handlers, { uninterruptible: true }),
      Effect.map((fiber) => void (fiber.pollUnsafe() === undefined && fibers.set(begun, fiber)))
    )

  const attempt = Effect.fnUntraced(function*({ event, owned }: RunningEvent<Waiting<T>>) {
    if (event === undefined) return again(0)
    const outcome = yield* options.handle(event, owned)
    if (outcome === "fenced") return fenced
    if (outcome === "stopped") return again(0)
    if (outcome._tag === "Ack") return done
    if (outcome._tag === "RetryAfter") return again(outcome.millis)
    return yield* options.deadLetters.put(name, event.delivered, outcome.error).pipe(
      Effect.as(done),
      Effect.catch((failure) =>
        Effect.as(
          Effect.logWarning(`dead letter not stored, next attempt in 5 s: ${failure.message}`),
          again(5_000)
        )
      )
    )
  })

  const finish = Effect.fnUntraced(function*(begun: RunningEvent<Waiting<T>>, end: End) {
    fibers.delete(begun)
    scheduler.end(begun, end)
    if (begun.owned.leaving || end._tag === "Fenced") yield* Queue.offer(nudges, undefined)
    const wait = end._tag === "Again" ? end.notBefore - clock.now() : 0
    if (wait > 0) yield* Effect.forkIn(Effect.delay(act, wait), handlers)
    yield* act
  })

  const write = Effect.fnUntraced(function*(action: Action) {
    if (action._tag === "Forget") return yield* store.removeMember(action.member)
    const revision = yield* store.write(action.partition, action.record, action.expected)
    if (revision === undefined) return member.refused(action)
    member.wrote(action, revision)
    if (action._tag === "Claim") {
      yield* Effect.logDebug(`${name}: owns partition ${action.partition} with token ${revision}`)
    }
  })

  /** A reading without the member's own heartbeat can be stale, so its configuration is ignored. */
  const faultOf = (contents: Contents, heartbeat: number) => {
    created ??= contents.created
    const isFresh = (contents.members.get(id)?.revision ?? 0) >= heartbeat
    return otherBucket(created, contents.created)
      ?? (isFresh ? otherConfig(options.config, contents.config) : storeFault)
  }

  const look = Effect.gen(function*() {
    const sentAt = clock.now()
    const revision = yield* store.heartbeat(id, lease)
    const contents = yield* store.read
    storeFault = faultOf(contents, revision)
    member.halt(storeFault ?? logFault)
    const actions = member.look(clock.now(), contents, { sentAt, revision })
    yield* act
    yield* Effect.forEach(actions, write, { concurrency: 16, discard: true })
    if (member.halted === undefined) yield* log.remember
    failures = 0
    lastFailure = undefined
    yield* act
  }).pipe(
    Effect.catchTag("BucketMissing", (missing) => {
      storeFault = missing.message
      member.halt(storeFault)
      return Effect.fail(missing)
    }),
    Effect.catchCause((cause) => {
      failures++
      lastFailure = messageOf(cause)
      return Effect.logDebug(`${name}: the state of the group cannot be read: ${lastFailure}`)
    }),
    Effect.andThen(Effect.suspend(() => warn))
  )

  const reason = () =>
    storeFault ?? logFault ?? (member.isValid(clock.now())
      ? member.trouble
      : lastFailure ?? "no heartbeat was acknowledged within the lease")

  /** Logs once why no event starts, when that lasts, and once that events start again. */
  const warn = Effect.suspend(() => {
    const now = reason()
    if (now === warned || (now === undefined && warned === undefined)) return Effect.void
    // A failure that ends within a lease is not logged.
    if (now !== undefined && now === lastFailure && failures < 5) return Effect.void
    const text = `the ordered group ${name} handles no event: ${now}`
    warned = now
    return now === undefined
      ? Effect.logInfo(`the ordered group ${name} handles events again`)
      : Effect.logWarning(text)
  })

  const compare = log.check.pipe(
    Effect.map((fault) => {
      const isNews = fault !== logFault
      logFault = fault
      return isNews
    }),
    Effect.flatMap((isNews) => isNews ? Queue.offer(nudges, undefined) : Effect.void),
    Effect.as(compareEvery),
    Effect.catchCause((cause) =>
      Effect.as(Effect.logDebug(`${name}: the log cannot be compared: ${messageOf(cause)}`), 1_000)
    )
  )

  const read = Effect.gen(function*() {
    const after = scheduler.buffer.after
    if (after === undefined) return yield* Effect.sleep("20 millis")
    const entries = yield* options.read({ after, limit, wait, filter: options.filter })
    log.saw(entries.at(-1))
    const waiting = entries.flatMap((entry) => options.waitingOf(eventOf(entry)) ?? [])
    scheduler.buffer.offer(
      after,
      entries.at(-1)?.sequence ?? after,
      waiting.map((event) => [event.partition, event])
    )
    yield* act
  }).pipe(
    Effect.catch((failure) =>
      Effect.andThen(
        Effect.logDebug(`${name}: the log cannot be read: ${failure.message}`),
        Effect.sleep("1 second")
      )
    )
  )

  // The interval grows while the store does not answer, up to one lease.
  const pause = Effect.suspend(() =>
    Effect.raceFirst(Effect.sleep(Math.min(lease, member.tick * 2 ** failures)), Queue.take(nudges))
  )
  const leave = Effect.suspend(() => {
    member.leave()
    // When the store has not answered for longer than the lease, other members take the partitions without a release.
    const hasLeft = () =>
      !member.hasToRelease || options.isClosed() || (failures > 0 && !member.isValid(clock.now()))
    const released = Effect.repeat(
      Effect.andThen(look, Effect.suspend(() => hasLeft() ? Effect.void : pause)),
      { until: hasLeft }
    )
    const left = Effect.suspend(() => member.halted === undefined ? released : Effect.void)
    return left.pipe(
      Effect.andThen(Effect.suspend(() => Fiber.awaitAll(fibers.values()))),
      Effect.timeoutOption(options.stopWithin),
      Effect.andThen(Fiber.interruptAll(fibers.values())),
      // Without a connection each request would only time out.
      Effect.andThen(
        Effect.suspend(() => member.owned.size === 0 || !options.isConnected() ? Effect.void : look)
      ),
      Effect.andThen(
        Effect.suspend(() => options.isConnected() ? Effect.ignore(store.removeMember(id)) : Effect.void)
      )
    )
  })
  yield* options.onChange((connected) => {
    // After a reconnect the address can lead to another log.
    if (connected) return void Queue.offerUnsafe(compares, undefined)
    logFault =
      "the connection to the broker was lost, and the event log is not yet compared with the group again"
    member.halt(logFault)
  })
  const compares = yield* Queue.sliding<void>(1)
  const first = yield* compare
  yield* look
  yield* Effect.addFinalizer(() => leave)
  yield* Effect.forkScoped(Effect.forever(read))
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(pause, look)))
  yield* Effect.forkScoped(Effect.gen(function*() {
    let wait = first
    while (true) {
      yield* Effect.raceFirst(Effect.sleep(wait), Queue.take(compares))
      wait = yield* compare
    }
  }))
  return { act, reason }
})

const done: End = { _tag: "Done" }
const fenced: End = { _tag: "Fenced" }
