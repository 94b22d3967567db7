import { Effect, Exit } from "effect"
import type { Delivered } from "../../EventLog/Delivered.ts"
import type { Consumers } from "../Consumer.ts"
import { type Outcome, retryAfter } from "../Outcome.ts"
import type { GroupOptions } from "./GroupOptions.ts"
import type { Waiting } from "./Waiting.ts"

/** Handles the redrives of a group, each between two events of its partition. `act` starts the next events. */
export const groupRedrives = <T extends string>(
  { runRedrives }: Consumers["Service"],
  group: GroupOptions<T>,
  act: Effect.Effect<void>
) =>
  runRedrives({
    durable: group.name,
    maxBatch: 1,
    hold: true,
    pause: Effect.void,
    handle: (batch) => Effect.forEach(batch, (delivered) => redrive(group, delivered, act))
  }).pipe(
    Effect.tapError(({ message }) => Effect.logWarning(`dead letters cannot be redriven: ${message}`))
  )

const redrive = Effect.fnUntraced(
  function*<T extends string>(
    group: GroupOptions<T>,
    delivered: Delivered,
    act: Effect.Effect<void>
  ): Effect.fn.Return<Outcome> {
    const { handle, scheduler, waitingOf } = group
    const later = retryAfter(scheduler.member.tick)
    const waiting = waitingOf(delivered)
    const begun = waiting && (yield* turnOf(group, waiting))
    if (waiting === undefined || begun === undefined) return later
    const outcome = yield* handle(waiting, begun.owned)
    scheduler.end(begun, outcome === "fenced" ? { _tag: "Fenced" } : { _tag: "Done" })
    yield* act
    return typeof outcome === "string" ? later : outcome
  },
  Effect.uninterruptible
)

/** How long a redrive waits for its partition, in milliseconds. Then it is delivered again. */
const patience = 60_000

/** How often a redrive tries to take its partition, and how long it reserves the partition, in milliseconds. */
const askEvery = 20
const keepFree = 1_000

/**
 * Takes a partition for a redrive, as soon as the running handler has ended. Undefined when this member does not own
 * the partition, is leaving, or has waited for `patience`.
 */
const turnOf = Effect.fnUntraced(function*<T extends string>(
  { clock, scheduler }: GroupOptions<T>,
  { partition }: Waiting<T>
) {
  const until = clock.now() + patience
  while (scheduler.member.owned.has(partition) && !scheduler.member.isLeaving && clock.now() < until) {
    const begun = scheduler.borrow(partition, clock.now())
    if (begun !== undefined) return begun
    scheduler.reserve(partition, clock.now() + keepFree)
    const woken = yield* Effect.exit(Effect.interruptible(Effect.sleep(askEvery)))
    if (Exit.isFailure(woken)) return undefined
  }
  return undefined
})
