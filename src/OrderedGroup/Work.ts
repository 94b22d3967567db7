import { Effect, Exit, Fiber, Queue, Scope } from "effect"
import { type Delivered, eventOf } from "../Consumer/Delivered.ts"
import type { DeadLetters } from "../DeadLetters.ts"
import type { LoggedEntry, ReadFailed, ReadOptions } from "../EventLog.ts"
import type { Begun, Desk, End } from "./Desk.ts"
import type { Turn } from "./Fence.ts"
import type { Judged } from "./Handler.ts"
import type { Action } from "./Member.ts"
import type { Store } from "./Store.ts"
import type { Waiting } from "./Waiting.ts"

/** How many entries are read at a time, and how long to wait for the first of them, in milliseconds. */
const limit = 500
const wait = 1_000

export interface WorkOptions<T extends string> {
  readonly name: string
  readonly id: string
  readonly filter: string
  readonly stopWithin: number
  readonly store: Store
  readonly desk: Desk<Waiting<T>>
  readonly read: (options: ReadOptions) => Effect.Effect<ReadonlyArray<LoggedEntry>, ReadFailed>
  readonly deadLetters: DeadLetters["Service"]
  readonly waitingOf: (delivered: Delivered) => Waiting<T> | undefined
  readonly handle: (waiting: Waiting<T>, turn: Turn) => Effect.Effect<Judged>
}

/**
 * The part of an ordered group that acts: gives signs of life, looks, writes, reads the log once for all
 * partitions of this member, and runs handlers. Until the scope ends; then it finishes and gives all back.
 */
export const work = Effect.fnUntraced(function*<T extends string>(options: WorkOptions<T>) {
  const { desk, id, name, store } = options
  const { member } = desk
  const handlers = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
  const fibers = new Map<Begun<Waiting<T>>, Fiber.Fiber<void>>()
  const nudges = yield* Queue.sliding<void>(1)

  const act: Effect.Effect<void> = Effect.suspend(() => {
    for (const begun of desk.align()) fibers.get(begun)?.interruptUnsafe()
    return Effect.forEach(desk.begin(performance.now()), begin, { discard: true })
  })

  const begin = (begun: Begun<Waiting<T>>) =>
    Effect.flatMap(attempt(begun), (end) => finish(begun, end)).pipe(
      // So from its first moment: one that is interrupted before it starts has to finish, too.
      Effect.forkIn(handlers, { uninterruptible: true }),
      Effect.map((fiber) => void (fiber.pollUnsafe() === undefined && fibers.set(begun, fiber)))
    )

  const attempt = Effect.fnUntraced(function*({ event, owned }: Begun<Waiting<T>>) {
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
          Effect.logWarning(`dead letter not stored, tried again in 5 s: ${failure.message}`),
          again(5_000)
        )
      )
    )
  })

  const finish = Effect.fnUntraced(function*(begun: Begun<Waiting<T>>, end: End) {
    fibers.delete(begun)
    desk.end(begun, end)
    if (begun.owned.leaving || end._tag === "Fenced") yield* Queue.offer(nudges, undefined)
    if (end._tag === "Again" && end.notBefore > performance.now()) {
      yield* Effect.forkIn(Effect.delay(act, end.notBefore - performance.now()), handlers)
    }
    yield* act
  })

  const write = Effect.fnUntraced(function*(action: Action) {
    if (action._tag === "Forget") return yield* store.forget(action.member)
    const revision = yield* store.write(action.partition, action.record, action.expected)
    if (revision === undefined) return member.refused(action)
    member.wrote(action, revision)
    if (action._tag === "Claim") {
      yield* Effect.logDebug(`${name}: partition ${action.partition} is ours, with token ${revision}`)
    }
  })

  const look = Effect.gen(function*() {
    const sentAt = performance.now()
    yield* store.heartbeat(id)
    member.renewed(sentAt)
    const snapshot = yield* store.read
    const actions = member.look(performance.now(), snapshot)
    yield* act
    yield* Effect.forEach(actions, write, { concurrency: 16, discard: true })
    yield* act
  }).pipe(
    Effect.catch((failure) => Effect.logDebug(`${name}: the group cannot be looked at: ${failure.message}`))
  )

  const read = Effect.gen(function*() {
    const after = desk.feed.after
    if (after === undefined) return yield* Effect.sleep("20 millis")
    const entries = yield* options.read({ after, limit, wait, filter: options.filter })
    const waiting = entries.flatMap((entry) => options.waitingOf(eventOf(entry)) ?? [])
    desk.feed.offer(
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

  const pause = Effect.raceFirst(Effect.sleep(member.tick), Queue.take(nudges))
  const leave = Effect.suspend(() => {
    member.leave()
    const left = Effect.repeat(
      Effect.andThen(look, Effect.suspend(() => member.owned.size === 0 ? Effect.void : pause)),
      {
        until: () => member.owned.size === 0
      }
    )
    return left.pipe(
      Effect.timeoutOption(options.stopWithin),
      Effect.andThen(Fiber.interruptAll(fibers.values())),
      Effect.andThen(Effect.suspend(() => member.owned.size === 0 ? Effect.void : look)),
      Effect.andThen(Effect.ignore(store.forget(id)))
    )
  })
  yield* look
  yield* Effect.addFinalizer(() => leave)
  yield* Effect.forkScoped(Effect.forever(read))
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(pause, look)))
})

const done: End = { _tag: "Done" }
const fenced: End = { _tag: "Fenced" }
const again = (millis: number): End => ({ _tag: "Again", notBefore: performance.now() + millis })
