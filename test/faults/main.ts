/**
 * Mixes random faults under traffic, and checks after each round what became of every event.
 * `npm run faults -- --minutes 10 --seed 1` runs it for ten minutes.
 *
 *   --rate 150               new bodies a second (default 150)
 *   --only "broker killed"   only this fault; may be repeated
 *   --cluster                a cluster of three brokers instead of one; needs more than nats-server 2.9
 *   --json                   prints the report as JSON
 *
 * Exits 1 when an invariant is broken.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import process from "node:process"
import { parseArgs } from "node:util"
import { drawsOf } from "../support/Faults/Bodies.ts"
import { Ledger } from "../support/Faults/Ledger.ts"
import * as System from "../support/Faults/System.ts"
import { witness } from "../support/Faults/Witness.ts"
import { fallen, held, lastLines } from "./Machine.ts"
import { failures, recoveries, render, type Report } from "./Report.ts"
import { faults, faultsOfCluster, type Happened, round } from "./Round.ts"
import { olderRevision, versionFaults } from "./Versions.ts"

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "3" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000)) },
    rate: { type: "string", default: "150" },
    only: { type: "string", multiple: true },
    cluster: { type: "boolean", default: false },
    json: { type: "boolean", default: false }
  }
})
const number = (name: "minutes" | "seed" | "rate") => {
  const value = Number(values[name])
  if (Number.isFinite(value) && value > 0) return value
  process.stderr.write(`--${name} is "${values[name]}", and must be a number above 0.\n`)
  return process.exit(2)
}
const [minutes, seed, rate] = [number("minutes"), number("seed"), number("rate")]
const versions = versionFaults()
const known = [...values.cluster ? faultsOfCluster : faults, ...versions]
const mixed = known.filter(({ name }) => values.only?.includes(name) ?? true)
if (mixed.length === 0) {
  process.stderr.write(`--only knows these faults: ${known.map(({ name }) => name).join(", ")}.\n`)
  process.exit(2)
}
const runtime = process.versions["deno"] ? `Deno ${process.versions["deno"]}` : `Node ${process.version}`
const say = (text: string) => Console.error(text)

const program = Effect.gen(function*() {
  yield* say(`seed ${seed}, ${minutes} minutes, ${runtime}`)
  if (!versions.some(({ name }) => name === "older version of a projector")) {
    yield* say(
      `without an older version: this clone lacks revision ${olderRevision} (\`git fetch --unshallow\`)`
    )
  }
  const ledger = new Ledger()
  const system = yield* System.make({
    receivers: 2,
    projectors: 2,
    clocks: true,
    cluster: values.cluster
  })
  const target = { ...system, admin: yield* system.add("admin"), ledger, erased: new Set<string>() }
  const witnessed = yield* witness(system, target)
  const draw = drawsOf(seed)
  const happened: Array<Happened> = []
  const began = performance.now()
  const end = began + minutes * 60_000
  let report: Report | undefined
  for (let rounds = 1; performance.now() < end; rounds++) {
    const seconds = Math.min(60, (end - performance.now()) / 1_000)
    const done = yield* round({
      target,
      draw,
      seed: seed * 1_000 + rounds,
      rate,
      seconds,
      faults: mixed,
      onProblem: (problem) => say(`  not yet: ${problem}`),
      onFault: ({ name }) => say(`  ${((performance.now() - began) / 1_000).toFixed(0)} s: ${name}`)
    }).pipe(Effect.onError(() => say(lastLines(target).join("\n"))))
    happened.push(...done.happened)
    const now = held(target)
    report = {
      seed,
      runtime,
      seconds: (performance.now() - began) / 1_000,
      rounds,
      counts: done.verdict.counts,
      problems: [...done.verdict.problems, ...witnessed.problems, ...fallen(target)],
      witnessed: { ...witnessed },
      faults: recoveries(ledger, happened),
      settled: Math.max(report?.settled ?? 0, done.settled),
      held: { first: report?.held.first ?? now, last: now }
    }
    yield* say(`round ${rounds}: ${JSON.stringify(done.verdict.counts)}`)
    if (failures(report).length > 0) {
      yield* say(lastLines(target).join("\n"))
      break
    }
  }
  if (report === undefined) return
  yield* Console.log(values.json ? JSON.stringify({ ...report, failures: failures(report) }) : render(report))
  if (failures(report).length > 0) process.exitCode = 1
})

NodeRuntime.runMain(Effect.scoped(program))
