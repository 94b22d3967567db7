/**
 * Prints benchmark figures as ratios of paired runs.
 * `npm run bench -- [--only ingest,peers] [--runtime node|deno|both] [--rounds 5] [--seconds 3]`
 * `[--connections 64] [--size N] [--against FOLDER] [--json]`.
 *
 * Exits 1 when the stored events differ from the answered ones. Like the tests, it asserts no times.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import console from "node:console"
import { availableParallelism, cpus } from "node:os"
import process from "node:process"
import { parseArgs } from "node:util"
import type { Options, Part, Report, Runtime } from "./Part.ts"
import { against } from "./Parts/Against.ts"
import { crowd } from "./Parts/Crowd.ts"
import { growth } from "./Parts/Growth.ts"
import { handler } from "./Parts/Handler.ts"
import { ingest } from "./Parts/Ingest.ts"
import { latency } from "./Parts/Latency.ts"
import { memory } from "./Parts/Memory.ts"
import { peers } from "./Parts/Peers.ts"
import { place } from "./Parts/Place.ts"
import { projection } from "./Parts/Projection.ts"
import { projectors } from "./Parts/Projectors.ts"
import { queries } from "./Parts/Queries.ts"
import { rebuild } from "./Parts/Rebuild.ts"
import { receivers } from "./Parts/Receivers.ts"
import { tracing } from "./Parts/Tracing.ts"

const parts: ReadonlyArray<Part> = [
  ingest,
  handler,
  peers,
  memory,
  queries,
  rebuild,
  projection,
  place,
  projectors,
  receivers,
  tracing,
  latency,
  growth,
  crowd,
  against
]

const wrong = (message: string): never => {
  process.stderr.write(`${message}\n`)
  return process.exit(2)
}

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    runtime: { type: "string", default: "both" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "64" },
    size: { type: "string" },
    against: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false }
  }
})
if (values.help) {
  process.stdout.write(
    parts.map(({ about, name, onlyWhenNamed }) =>
      `${name.padEnd(8)} ${about}${onlyWhenNamed ? " (only when named)" : ""}\n`
    ).join("")
  )
  process.exit(0)
}

const positive = (name: "rounds" | "seconds" | "connections" | "size") => {
  const value = Number(values[name])
  return Number.isInteger(value) && value > 0
    ? value
    : wrong(`--${name} is "${values[name]}", and must be a whole number above 0.`)
}

const runtimes: Readonly<Record<string, ReadonlyArray<Runtime>>> = {
  node: ["node"],
  deno: ["deno"],
  both: ["node", "deno"]
}

const options: Options = {
  runtimes: runtimes[values.runtime] ??
    wrong(`--runtime is "${values.runtime}", and must be node, deno or both.`),
  rounds: positive("rounds"),
  seconds: positive("seconds"),
  connections: positive("connections"),
  size: values.size === undefined ? undefined : positive("size"),
  against: values.against
}

const named = values.only?.split(",")
const unknown = named?.find((name) => parts.every((part) => part.name !== name))
if (unknown !== undefined) {
  wrong(`--only knows ${parts.map(({ name }) => name).join(", ")}, not "${unknown}".`)
}
const wanted = parts.filter(({ name, onlyWhenNamed }) => named?.includes(name) ?? !onlyWhenNamed)

if (wanted.includes(against) && values.against === undefined) {
  wrong("--against is missing. The part against needs the folder of another checkout there.")
}

const machine = `${availableParallelism()} cores of ${cpus()[0]?.model.trim()}`

const print = (part: Part, report: Report) => {
  console.log(`\n${part.name}: ${part.about}`)
  console.table(report.rows)
  for (const note of [...report.notes, ...report.failures.map((failure) => `FAILED: ${failure}`)]) {
    console.log(note)
  }
}

const program = Effect.gen(function*() {
  const reports: Record<string, Report> = {}
  for (const part of wanted) {
    yield* Console.error(`${part.name} …`)
    const report = yield* Effect.scoped(part.run(options))
    reports[part.name] = report
    if (!values.json) print(part, report)
    if (report.failures.length > 0) process.exitCode = 1
  }
  if (values.json) console.log(JSON.stringify({ machine, options, reports }))
  else console.log(`\n${machine}, ${new Date().toISOString().slice(0, 10)}`)
})

NodeRuntime.runMain(program)
