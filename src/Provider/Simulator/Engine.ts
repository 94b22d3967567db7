import { Clock, Effect, Fiber, FiberSet, Random, type Redacted, Semaphore } from "effect"
import type { Scope } from "effect"
import { retryWaits } from "../../Domain/RetrySchedule.ts"
import * as Signature from "../../Signature/Signature.ts"
import type { Account } from "./Account.ts"
import * as Delivery from "./Delivery.ts"
import type { FaultName } from "./Faults.ts"
import type { Forgery } from "./Forgeries.ts"
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
  const ledger = new Ledger()
  const attempt = yield* makeAttempt(ledger, answerWithin, maxInFlight)
  if (options.url === undefined) yield* options.account.registered
  const startedAt = yield* Clock.currentTimeMillis
  const plan = Plan.make({ seed, started: startedAt, rate, faults })
  const run: Run = { ledger, startedAt, speed, attempt }
  const events = yield* FiberSet.make()

  const schedule = Effect.gen(function*() {
    for (let index = 0; index < count; index++) {
      const planned = yield* plan(index)
      // Delayed events wait by themselves, so they delay no other event.
      if (!planned.faults.includes("reordering")) yield* sleepUntil(startedAt + planned.due)
      ledger.begin(planned)
      if (planned.scan !== null) account?.record(planned.scan)
      if (planned.code !== null) account?.recordCode(planned.code)
      const targets = options.url !== undefined
        ? [options]
        : options.account.webhooks().filter(({ events }) => events.includes(planned.type))
      for (const target of targets) yield* FiberSet.run(events, deliver(run, target, planned, targets.length))
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

/** What all deliveries of a run share. */
interface Run {
  readonly ledger: Ledger
  readonly startedAt: number
  readonly speed: number
  readonly attempt: Effect.Success<ReturnType<typeof makeAttempt>>
}

/** Makes the function for one attempt, which waits while `maxInFlight` are in flight. Its latency counts from `due`. */
const makeAttempt = Effect.fnUntraced(function*(ledger: Ledger, within: number, maxInFlight: number) {
  const send = yield* Delivery.make
  const permits = yield* Semaphore.make(maxInFlight)
  return (attempt: Omit<Delivery.Attempt, "within">, due: number) =>
    permits.withPermit(
      Effect.gen(function*() {
        if ((yield* Clock.currentTimeMillis) - due > 100) ledger.late++
        ledger.inFlight++
        const outcome = yield* send({ ...attempt, within })
        ledger.inFlight--
        return { outcome, latency: (yield* Clock.currentTimeMillis) - due }
      }).pipe(Effect.uninterruptible)
    )
})

/** A webhook: where an event is delivered, and the secret of its signature. */
interface Target {
  readonly url: string
  readonly secret: Redacted.Redacted<string>
}

/** Delivers an event to one of its `webhooks` when it is due, together with its forgeries. */
const deliver = Effect.fnUntraced(
  function*(run: Run, { secret, url }: Target, planned: Plan.Planned, webhooks: number) {
    const due = run.startedAt + planned.due
    const entry = run.ledger.open(planned, url, webhooks)
    yield* sleepUntil(due)
    yield* Effect.all([
      deliverTrue(run, entry, planned, secret, due),
      ...planned.forgeries.map((forgery) => deliverForged(run, entry, forgery, secret, due))
    ], { concurrency: "unbounded", discard: true })
  }
)

/** Delivers the event itself: retries until it is accepted or given up, then repeats it. */
const deliverTrue = Effect.fnUntraced(
  function*(run: Run, entry: Entry, planned: Plan.Planned, secret: Target["secret"], first: number) {
    const { attempt, ledger, speed } = run
    const { answerLost, bytes, pause, repeats } = planned
    const post = { url: entry.url, body: bytes, signature: Signature.sign(bytes, secret), pause, cut: false }
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

const deliverForged = Effect.fnUntraced(
  function*({ attempt, ledger }: Run, entry: Entry, forgery: Forgery, secret: Target["secret"], due: number) {
    const { bytes, signature } = forgery
    const forged = ledger.openForged(entry, forgery)
    const request = { url: entry.url, body: bytes, signature: signature(secret), pause: 0, cut: false }
    ledger.forgedAnswered(forged, (yield* attempt(request, due)).outcome)
  }
)

const sleepUntil = Effect.fnUntraced(function*(time: number) {
  const wait = time - (yield* Clock.currentTimeMillis)
  if (wait > 0) yield* Effect.sleep(wait)
})
