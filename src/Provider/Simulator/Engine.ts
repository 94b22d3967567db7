import { Clock, Effect, Fiber, FiberSet, Random, type Redacted, Semaphore } from "effect"
import type { Scope } from "effect"
import { retryWaits } from "../../Domain/RetrySchedule.ts"
import * as Signature from "../../Signature/Signature.ts"
import type { Account } from "./Account.ts"
import * as Delivery from "./Delivery.ts"
import type { FaultName } from "./Faults.ts"
import { type Entry, Ledger } from "./Ledger.ts"
import * as Plan from "./Plan.ts"
import { type Report, reportOf } from "./Report.ts"

/** Where to deliver the events: to one webhook, or to those that were registered with the simulated account. */
export type Destination =
  | {
    readonly url: string
    readonly secret: Redacted.Redacted<string>
    readonly account?: Account | undefined
  }
  | { readonly url?: undefined; readonly account: Account }

export type Options = Destination & {
  /** Events per second, independent of the responses. Default: 10. */
  readonly rate?: number | undefined
  /** Number of events. Without it the run continues until it is stopped. */
  readonly count?: number | undefined
  /** The same seed generates the same events again, with new ids and times. Default: a random seed. */
  readonly seed?: string | undefined
  /** Divides the waits between retries. The response timeout stays the same. Default: 1. */
  readonly speed?: number | undefined
  readonly faults?: Iterable<FaultName> | undefined
  /** Timeout of an attempt, in real milliseconds. Default: 5,000, which is 3QPR's limit. */
  readonly answerWithin?: number | undefined
  /** Maximum number of attempts in flight. Attempts that wait too long for others count as `late`. Default: 5,000. */
  readonly maxInFlight?: number | undefined
}

/** A run in progress. */
export interface Simulation {
  readonly seed: string
  /** The outcome of every event so far; it changes during the run. */
  readonly ledger: Ledger
  /** Generates any event of this run again. */
  readonly plan: Plan.Plan
  readonly report: Effect.Effect<Report>
  /** Completes when every event of `count` was accepted or given up. */
  readonly finished: Effect.Effect<void>
  /** Stops new events and retries. Completes when nothing is in flight. */
  readonly stop: Effect.Effect<void>
}

/** Starts a run that stops with the scope. Without a `url` it waits for the first registration. */
export const start = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<Simulation, never, Scope.Scope> {
  const { account, answerWithin = 5_000, count = Infinity, maxInFlight = 5_000, rate = 10, speed = 1 } =
    options
  const seed = options.seed ?? String(yield* Random.nextIntBetween(0, 999_999_999))
  const faults = new Set(options.faults)
  const deliver = yield* Delivery.make
  const permits = yield* Semaphore.make(maxInFlight)
  const ledger = new Ledger()
  if (options.url === undefined) yield* options.account.registered
  const startedAt = yield* Clock.currentTimeMillis
  const plan = Plan.make({ seed, started: startedAt, rate, faults })
  const events = yield* FiberSet.make()

  const attempt = (attempt: Omit<Delivery.Attempt, "within">, due: number) =>
    permits.withPermit(
      Effect.gen(function*() {
        if ((yield* Clock.currentTimeMillis) - due > 100) ledger.late++
        ledger.inFlight++
        const outcome = yield* deliver({ ...attempt, within: answerWithin })
        ledger.inFlight--
        return { outcome, latency: (yield* Clock.currentTimeMillis) - due }
      }).pipe(Effect.uninterruptible)
    )

  const deliverTrue = Effect.fnUntraced(
    function*(entry: Entry, planned: Plan.Planned, secret: Secret, first: number) {
      const { answerLost, bytes, pause, repeats } = planned
      const post = {
        url: entry.url,
        body: bytes,
        signature: Signature.sign(bytes, secret),
        pause,
        cut: false
      }
      for (let tried = 0, due = first;; tried++) {
        const { latency, outcome } = yield* attempt({ ...post, cut: answerLost && tried === 0 }, due)
        if (ledger.attempted(entry, planned, outcome, latency)) break
        const wait = retryWaits[tried]
        if (wait === undefined) return ledger.gaveUp(entry)
        due = (yield* Clock.currentTimeMillis) + wait / speed
        yield* Effect.sleep(wait / speed)
      }
      for (let repeat = 0; repeat < repeats; repeat++) {
        const { outcome } = yield* attempt(post, yield* Clock.currentTimeMillis)
        ledger.repeated(entry, planned, outcome)
      }
    }
  )

  const deliverTo = Effect.fnUntraced(
    function*({ secret, url }: Target, planned: Plan.Planned, webhooks: number) {
      const due = startedAt + planned.due
      const entry = ledger.open(planned, url, webhooks)
      yield* sleepUntil(due)
      const forged = planned.forgeries.map((forgery) =>
        Effect.gen(function*() {
          const { bytes, signature } = forgery
          const forged = ledger.openForged(entry, forgery)
          const request = { url, body: bytes, signature: signature(secret), pause: 0, cut: false }
          ledger.forgedAnswered(forged, (yield* attempt(request, due)).outcome)
        })
      )
      yield* Effect.all([deliverTrue(entry, planned, secret, due), ...forged], {
        concurrency: "unbounded",
        discard: true
      })
    }
  )

  const schedule = Effect.gen(function*() {
    for (let index = 0; index < count; index++) {
      const planned = yield* plan(index)
      // Delayed events wait by themselves, so they delay no other event.
      if (!planned.faults.includes("reordering")) yield* sleepUntil(startedAt + planned.due)
      ledger.begin(planned)
      if (planned.scan !== null) account?.record(planned.scan)
      if (planned.code !== null) account?.recordCode(planned.code)
      const targets = options.url !== undefined
        ? [{ url: options.url, secret: options.secret }]
        : options.account.webhooks().filter(({ events }) => events.includes(planned.type))
      for (const target of targets) yield* FiberSet.run(events, deliverTo(target, planned, targets.length))
    }
  })

  const scheduler = yield* Effect.forkScoped(schedule)
  const allEnded = Effect.andThen(Fiber.join(scheduler), FiberSet.awaitEmpty(events))
  return {
    seed,
    ledger,
    plan,
    report: Effect.map(
      Clock.currentTimeMillis,
      (endedAt) => reportOf(ledger, { seed, startedAt, endedAt, rate, speed, faults })
    ),
    // A defect in a delivery ends the run instead of being ignored.
    finished: Effect.raceFirst(allEnded, Effect.orDie(FiberSet.join(events))),
    stop: Effect.andThen(Fiber.interrupt(scheduler), FiberSet.clear(events))
  }
})

interface Target {
  readonly url: string
  readonly secret: Secret
}

type Secret = Redacted.Redacted<string>

const sleepUntil = Effect.fnUntraced(function*(time: number) {
  const wait = time - (yield* Clock.currentTimeMillis)
  if (wait > 0) yield* Effect.sleep(wait)
})
