/**
 * Sends malformed and hostile requests of all kinds to a real `serve` over raw TCP, and reports the results.
 * `npm run fuzz -- --minutes 10 --seed 1` runs it for ten minutes. Exits 1 when it has found a problem.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import process from "node:process"
import { parseArgs } from "node:util"
import { platform } from "../support/Broker.ts"
import { fuzz } from "./Fuzz.ts"
import { failures, render } from "./Report.ts"

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "3" },
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

const program = Effect.gen(function*() {
  const say = (text: string) => void process.stderr.write(`${text}\n`)
  say(`seed ${seed}, ${minutes} minutes, ${runtime}`)
  const report = yield* fuzz({ seed, seconds: minutes * 60, say })
  yield* Console.log(render(report))
  if (failures(report).length > 0) process.exitCode = 1
})

NodeRuntime.runMain(program.pipe(Effect.scoped, Effect.provide(platform)))
