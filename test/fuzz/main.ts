/**
 * Sends malformed and hostile requests of all kinds over raw TCP to a real `serve`, then to a web handler, and reports
 * the results. `npm run fuzz -- --minutes 10 --seed 1` runs each for ten minutes, and `--target handler` only one of
 * them. Exits 1 when it has found a problem.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import process from "node:process"
import { parseArgs } from "node:util"
import { platform } from "../support/Broker.ts"
import { fuzz, type targets } from "./Fuzz.ts"
import { failures, render } from "./Report.ts"

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "3" },
    target: { type: "string", default: "both" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000)) }
  }
})
const number = (name: "minutes" | "seed") => {
  const value = Number(values[name])
  if (Number.isFinite(value) && value > 0) return value
  process.stderr.write(`--${name} is "${values[name]}", and must be a number above 0.\n`)
  return process.exit(2)
}
const [minutes, seed] = [number("minutes"), number("seed")]
const runtime = process.versions["deno"] ? `Deno ${process.versions["deno"]}` : `Node ${process.version}`

const names = ["listener", "handler"] as const satisfies ReadonlyArray<keyof typeof targets>
const wanted = names.filter((name) => values.target === "both" || values.target === name)
if (wanted.length === 0) {
  process.stderr.write(`--target is "${values.target}", and must be listener, handler or both.\n`)
  process.exit(2)
}

const program = Effect.gen(function*() {
  const say = (text: string) => void process.stderr.write(`${text}\n`)
  say(`seed ${seed}, ${minutes} minutes, ${runtime}`)
  for (const target of wanted) {
    const report = yield* Effect.scoped(fuzz({ target, seed, seconds: minutes * 60, say }))
    yield* Console.log(render(report))
    if (failures(report).length > 0) process.exitCode = 1
  }
})

NodeRuntime.runMain(Effect.provide(program, platform))
