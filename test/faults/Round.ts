import { Effect, Fiber, Option, Schedule } from "effect"
import type { Verdict } from "../support/Faults/Check.ts"
import * as System from "../support/Faults/System.ts"
import * as Traffic from "../support/Faults/Traffic.ts"
import { brokerFaults } from "./Broker.ts"
import { clusterFaults } from "./Cluster.ts"
import { databaseFaults } from "./Database.ts"
import { between, type Fault, type Target } from "./Fault.ts"
import { logFaults } from "./Log.ts"
import { processFaults } from "./Processes.ts"
import { work } from "./Work.ts"

/** All faults with a single version of the program. */
export const faults: ReadonlyArray<Fault> = [
  ...brokerFaults,
  ...processFaults,
  ...databaseFaults,
  ...work,
  ...logFaults
]

/** Those of a cluster of brokers: no fault needs a network or the files of a single broker. */
export const faultsOfCluster: ReadonlyArray<Fault> = [
  ...clusterFaults,
  ...processFaults,
  ...databaseFaults,
  ...work
]

/** A fault that happened, with its start and end as times of `performance.now`. */
export interface Happened {
  readonly fault: Fault
  readonly from: number
  readonly to: number
}

export interface RoundOptions {
  readonly target: Target
  readonly draw: () => number
  readonly seed: number
  /** New bodies a second. */
  readonly rate: number
  readonly seconds: number
  readonly faults: ReadonlyArray<Fault>
  /** Called with a problem that may still resolve itself. */
  readonly onProblem?: (problem: string) => Effect.Effect<void>
  readonly onFault?: (fault: Fault) => Effect.Effect<void>
}

/**
 * Runs traffic for some seconds with one or two faults at a time. Then waits until the system has settled, and
 * checks it.
 */
export const round = Effect.fnUntraced(function*(options: RoundOptions) {
  const { draw, target } = options
  const { ledger } = target
  const happened: Array<Happened> = []
  const traffic = yield* Traffic.run(ledger, {
    rate: options.rate,
    seed: options.seed,
    urls: target.urls,
    secret: () => System.secret
  })
  const end = performance.now() + options.seconds * 1_000
  while (performance.now() < end) {
    const fibers = yield* Effect.forEach(chosen(options.faults, draw), (fault) =>
      Effect.gen(function*() {
        yield* options.onFault?.(fault) ?? Effect.void
        const from = performance.now()
        yield* fault.happen(target, draw)
        happened.push({ fault, from, to: performance.now() })
      }).pipe(Effect.forkChild({ startImmediately: true })))
    yield* Fiber.joinAll(fibers)
    yield* between(draw, 0, 3)
  }
  const healed = performance.now()
  yield* traffic.stop
  const checked = yield* target.check(ledger, { erased: target.erased }).pipe(
    Effect.tap(({ problems: [first] }) =>
      first === undefined ? Effect.void : options.onProblem?.(first) ?? Effect.void
    ),
    // Projectors read missing events again from the log, without an operator.
    Effect.repeat({ schedule: Schedule.spaced("1 second"), until: ({ problems }) => problems.length === 0 }),
    Effect.timeoutOption("60 seconds")
  )
  const verdict = Option.isSome(checked)
    ? checked.value
    : yield* target.check(ledger, { erased: target.erased })
  return { verdict, happened, settled: performance.now() - healed } satisfies Round
}, Effect.scoped)

export interface Round {
  readonly verdict: Verdict
  readonly happened: ReadonlyArray<Happened>
  /** Milliseconds from the last fault to the end of the check. */
  readonly settled: number
}

const chosen = (all: ReadonlyArray<Fault>, draw: () => number) => {
  const first = all[Math.floor(draw() * all.length)]
  const second = all[Math.floor(draw() * all.length)]
  if (first === undefined || second === undefined) return []
  const both = first.kind !== second.kind && !first.alone && !second.alone
  return draw() < 0.4 && both ? [first, second] : [first]
}
