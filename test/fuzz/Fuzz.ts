import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { drawsOf } from "../support/Faults/Bodies.ts"
import * as NatsProcess from "../support/NatsProcess.ts"
import { canContinue, drawKind } from "./Case.ts"
import { compare } from "./Compare.ts"
import { floor } from "./Floor.ts"
import { Healthy } from "./Healthy.ts"
import { Judge, secondRequest } from "./Judge.ts"
import { Ledger } from "./Ledger.ts"
import { nextOf } from "./Next.ts"
import type { Weather } from "./Storms.ts"
import { maxBodyBytes, maxInFlight, type Target } from "./Target.ts"
import { handler } from "./Targets/Handler.ts"
import { listener } from "./Targets/Listener.ts"
import { exchange } from "./Wire.ts"

/** What can be fuzzed. */
export const targets = { listener, handler }

export interface FuzzOptions {
  readonly target: keyof typeof targets
  readonly seed: number
  readonly seconds: number
  /** Whether storms run beside the cases. */
  readonly storms?: boolean
  readonly say?: (text: string) => void
}

/** The results of a run. */
export interface Report {
  readonly target: string
  readonly seed: number
  readonly seconds: number
  readonly cases: number
  /** The number of cases by kind. */
  readonly kinds: Readonly<Record<string, number>>
  readonly statuses: Readonly<Record<string, number>>
  readonly outcomes: Readonly<Record<string, number>>
  /** The kinds and statuses that every run must contain. */
  readonly expected: { readonly kinds: ReadonlyArray<string>; readonly statuses: ReadonlyArray<number> }
  /** Wrong answers and other violations. */
  readonly problems: ReadonlyArray<string>
  readonly memory: Memory
  /** Turns of the event loop of 20 ms or more, in milliseconds. */
  readonly blocked: ReadonlyArray<number>
  /** The longest turn of a handler that does nothing, in milliseconds, measured before the run. */
  readonly floor: number
  readonly healthy: { readonly count: number; readonly p50: number; readonly p99: number }
  readonly stored: number
}

/** Resident memory in mebibytes: at the start, at its maximum, and at the end. */
interface Memory {
  readonly first: number
  readonly most: number
  readonly last: number
}

const workers = 16

/**
 * Sends cases to a real receiver with a real broker for some seconds, and compares the results with the stream. Runs
 * each kind and each storm at least once, even in a short run.
 */
export const fuzz = Effect.fnUntraced(function*(options: FuzzOptions) {
  const { say = () => {}, seconds, seed } = options
  const lowest = yield* floor
  say(`a handler that does nothing: a turn of up to ${lowest} ms`)
  const broker = yield* NatsProcess.start()
  const ledger = new Ledger(`${seed}_${Math.floor(Date.now() / 1_000)}`)
  const target = select(yield* targets[options.target]({ broker, ledger }), options)
  const { logs, pid, webhook } = target.process
  const started = logs.length
  const port = Number(new URL(webhook).port)
  const draw = drawsOf(seed)
  const healthy = new Healthy(port, ledger)
  const judge = new Judge(ledger)
  const weather = {
    port,
    broker,
    draw,
    ledger,
    healthy,
    maxInFlight,
    ready: target.ready,
    see: judge.see
  }
  const memory = yield* Effect.promise(() =>
    weighed(pid, async (memory) => {
      const running = healthy.run()
      await attack(target, judge, weather, performance.now() + seconds * 1_000, (kind, before) => {
        const blocks = logs.slice(before).filter((line) => line.includes("blocked"))
        const p99 = `healthy p99 ${healthy.p99.toFixed(0)} ms`
        say(`${kind}: ${memory().last.toFixed(0)} MiB, ${p99} ${blocks.join(", ")}`)
      })
      healthy.stop()
      await running
    })
  )
  const outcomes = yield* target.outcomes(judge.found)
  for (const line of logs.filter((line) => line.includes("unexpected error"))) judge.found("log", line)
  for (const harm of healthy.harmed) judge.found("healthy client", harm)
  const stored = yield* Effect.promise(() => compare(broker, ledger, judge.found))
  return {
    target: target.name,
    seed,
    seconds,
    cases: Object.values(judge.kinds).reduce((sum, count) => sum + count, 0),
    kinds: judge.kinds,
    statuses: judge.statuses,
    outcomes,
    expected: {
      kinds: [
        ...[...target.kinds, ...target.storms].map(({ kind }) => kind),
        ...(target.continues ? [secondRequest] : [])
      ],
      statuses: target.statuses
    },
    problems: judge.problems,
    memory,
    floor: lowest,
    blocked: logs.slice(started).flatMap((line) => /blocked for (\d+) ms/.exec(line)?.[1] ?? []).map(
      Number
    ),
    healthy: { count: healthy.took.length, p50: healthy.p50, p99: healthy.p99 },
    stored
  } satisfies Report
})

/** Statuses that only storms cause with certainty. */
const ofStorms = [408, 503]

const select = (target: Target, { storms = true }: FuzzOptions): Target =>
  storms
    ? target
    : { ...target, storms: [], statuses: target.statuses.filter((status) => !ofStorms.includes(status)) }

/** Weighs a process while `during` runs. */
const weighed = async (pid: number, during: (memory: () => Memory) => Promise<void>): Promise<Memory> => {
  let memory = { first: 0, most: 0, last: 0 }
  const weigh = () => {
    const now = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_024
    memory = { first: memory.first || now, most: Math.max(memory.most, now), last: now }
  }
  weigh()
  const scale = setInterval(weigh, 50)
  try {
    await during(() => memory)
  } finally {
    clearInterval(scale)
  }
  weigh()
  return memory
}

/**
 * Storms during which the receiver refuses deliveries with 503. No case runs beside them, because a right refusal
 * cannot be distinguished from a wrong one.
 */
const refusing = new Set(["the broker is suspended", "many large bodies"])

/** Runs cases on several connections and one storm at a time. `passed` is called after each storm. */
const attack = async (
  { kinds, portOf, process: { logs }, storms }: Target,
  judge: Judge,
  weather: Weather,
  until: number,
  passed: (kind: string, logsBefore: number) => void
) => {
  const means = { draw: weather.draw, ledger: weather.ledger, maxBodyBytes }
  let storming = false
  const running = new Set<Promise<unknown>>()
  const notYet = [...kinds]
  const worker = async () => {
    while (performance.now() < until || notYet.length > 0) {
      if (storming) {
        await new Promise((wake) => setTimeout(wake, 20))
        continue
      }
      const { kind, make } = notYet.pop() ?? drawKind(weather.draw, kinds)
      const one = { kind, ...make(means) }
      const next = canContinue(one) ? nextOf(one, means) : undefined
      const options = { answers: one.answers.length, head: one.head ?? false, next: next?.bytes }
      const exchanged = exchange(portOf(one), one.steps, options)
      running.add(exchanged)
      judge.judge(one, await exchanged.finally(() => running.delete(exchanged)), next)
      // Leaves the processor to the server, so that the measurement does not slow itself down.
      await new Promise((wake) => setTimeout(wake, 10))
    }
  }
  const storm = async () => {
    for (let next = 0; performance.now() < until || next < storms.length; next++) {
      const one = storms[next % storms.length]
      if (one === undefined) return
      const { blow, kind } = one
      const before = logs.length
      storming = refusing.has(kind)
      if (storming) await Promise.allSettled(running)
      await blow(weather)
      storming = false
      // Long enough for the probe to report the last turns.
      await new Promise((wake) => setTimeout(wake, 300))
      passed(kind, before)
    }
  }
  await Promise.all([storm(), ...Array.from({ length: workers }, worker)])
}
