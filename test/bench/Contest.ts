import { Console, Effect } from "effect"
import type { Load } from "./load.ts"
import { median } from "./Median.ts"
import type { Options, Report, Runtime } from "./Part.ts"
import { output, type Program, start } from "./Program.ts"
import { usageOf } from "./Usage.ts"

/** The secret that signs the load. */
export const secret = "whsec_of_the_benchmark"

/** Where a contender stores what it answers 200. */
export interface Store {
  /** The settings with which a program connects to it. */
  readonly environment: NodeJS.ProcessEnv
  readonly pid: number | undefined
  /** The number of stored events, as reported by the store itself. */
  readonly count: (program: Program) => Effect.Effect<number>
}

export interface Entrant {
  readonly name: string
  readonly runtime: Runtime
  readonly script: string
  readonly args?: ReadonlyArray<string>
  /** Settings in addition to those of the store. */
  readonly environment?: NodeJS.ProcessEnv
  /** Where its answers of 200 are counted; undefined when it stores nothing. */
  readonly store: Store | undefined
}

interface Run extends Load {
  readonly cpuMicros: number
  readonly storeCpuMicros: number
  readonly residentMegabytes: number
}

interface Contender extends Entrant {
  readonly program: Program
  readonly runs: Array<Run>
}

/** This project's ingress role, started as in production. */
export const ours = (runtime: Runtime, store: Store): Entrant => ({
  name: "threeqpr-events",
  runtime,
  script: "../../bin/threeqpr.js",
  args: ["serve", "--role", "ingress", "--host", "127.0.0.1", "--admin-port", "0"],
  store
})

/**
 * Runs the contenders in turns, forwards and backwards, so that paired runs are close in time. Every 200 must be in
 * the store. Reports medians with minimum and maximum. `compare` selects the ratios to report.
 */
export const contest = Effect.fnUntraced(function*(
  entrants: ReadonlyArray<Entrant>,
  compare: ReadonlyArray<readonly [of: Entrant, to: Entrant]>,
  options: Options
) {
  const contenders: Array<Contender> = []
  const failures: Array<string> = []
  for (const entrant of entrants) {
    const program = yield* start(entrant.runtime, entrant.script, entrant.args ?? [], {
      ...entrant.store?.environment,
      ...entrant.environment,
      THREEQPR_WEBHOOK_SECRET: secret,
      LOG_LEVEL: "Error"
    })
    contenders.push({ ...entrant, program, runs: [] })
  }
  for (const contender of contenders) yield* load(contender, 2, options)
  for (let round = 0; round < options.rounds; round++) {
    yield* Console.error(`round ${round + 1} of ${options.rounds}`)
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
      const before = yield* look(contender)
      const run = yield* load(contender, options.seconds, options)
      const after = yield* look(contender)
      const stored = after.stored - before.stored
      if (run.others > 0 || (contender.store && stored !== run.ok)) {
        failures.push(
          `${contender.name} on ${contender.runtime}: ${run.ok} × 200, ${run.others} others, ${stored} stored`
        )
      }
      contender.runs.push({
        ...run,
        cpuMicros: (after.own.cpuSeconds - before.own.cpuSeconds) * 1e6 / run.ok,
        storeCpuMicros: (after.store.cpuSeconds - before.store.cpuSeconds) * 1e6 / run.ok,
        residentMegabytes: after.own.residentBytes / 1_048_576
      })
    }
  }
  const runsOf = (entrant: Entrant) => contenders[entrants.indexOf(entrant)]?.runs ?? []
  return {
    rows: contenders.map(row),
    notes: compare.flatMap(([of, to]) => [
      ratio("requests/s", of, to, runsOf(of), runsOf(to), ({ perSecond }) => perSecond),
      ratio("p99", of, to, runsOf(of), runsOf(to), ({ p99 }) => p99),
      ratio("CPU", of, to, runsOf(of), runsOf(to), ({ cpuMicros }) => cpuMicros)
    ]),
    failures
  } satisfies Report
})

const load = (contender: Contender, seconds: number, { connections }: Options) =>
  Effect.map(
    output("node", "./load.ts", [
      `${contender.program.url}/webhooks/3qpr`,
      String(connections),
      String(seconds)
    ], {
      THREEQPR_WEBHOOK_SECRET: secret
    }),
    (text): Load => JSON.parse(text)
  )

const look = Effect.fnUntraced(function*({ program, store }: Contender) {
  return {
    stored: store === undefined ? 0 : yield* store.count(program),
    own: usageOf(program.pid),
    store: store?.pid === undefined ? { cpuSeconds: NaN, residentBytes: NaN } : usageOf(store.pid)
  }
})

const row = ({ name, runs, runtime, store }: Contender) => ({
  contender: name,
  on: runtime,
  "requests/s": spread(runs.map(({ perSecond }) => perSecond), 0),
  "p50 ms": median(runs.map(({ p50 }) => p50)).toFixed(1),
  "p99 ms": spread(runs.map(({ p99 }) => p99), 1),
  "CPU µs/request": median(runs.map(({ cpuMicros }) => cpuMicros)).toFixed(0),
  "its store": store?.pid ? median(runs.map(({ storeCpuMicros }) => storeCpuMicros)).toFixed(0) : "",
  "the load": median(runs.map(({ cpuSeconds, ok }) => cpuSeconds * 1e6 / ok)).toFixed(0),
  "RSS MB": median(runs.map(({ residentMegabytes }) => residentMegabytes)).toFixed(0)
})

const ratio = (
  what: string,
  of: Entrant,
  to: Entrant,
  ofRuns: ReadonlyArray<Run>,
  toRuns: ReadonlyArray<Run>,
  value: (run: Run) => number
) => {
  const pairs = ofRuns.flatMap((run, at) => {
    const other = toRuns[at]
    return other === undefined ? [] : [value(run) / value(other)]
  })
  return `${what}: ${of.name} (${of.runtime}) is ${
    spread(pairs, 2)
  } times ${to.name} (${to.runtime}), ${pairs.length} pairs`
}

const spread = (values: ReadonlyArray<number>, digits: number) =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)} to ${
    Math.max(...values).toFixed(digits)
  })`
