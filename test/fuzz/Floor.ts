import { Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import process from "node:process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { crumbs, pipeline } from "./Storms.ts"
import { exchange } from "./Wire.ts"

const runtimeArguments = process.versions["deno"] === undefined ? [] : ["run", "-A", "--quiet"]

/** The number of rounds, and of warm-up rounds before them in which the runtime compiles hot code. */
const rounds = 10

/** The number of bytes that a runtime reads from a connection at once. */
const read = 65_536

const atOnce = pipeline.subarray(0, read)

/**
 * The longest turn of the event loop of a handler that does nothing, in milliseconds, on this machine and runtime.
 * The turn reads as much as the runtime reads at once, of the input that is slowest to parse. The probe reports no
 * shorter turn than 20 ms, so this is 20 at least.
 */
export const floor = Effect.acquireUseRelease(
  Effect.sync(() => {
    const file = fileURLToPath(new URL("bare.ts", import.meta.url))
    return spawn(process.execPath, [...runtimeArguments, file], { stdio: ["pipe", "pipe", "pipe"] })
  }),
  (child) =>
    Effect.promise(async () => {
      const turns: Array<number> = []
      createInterface(child.stderr).on("line", (line) => {
        turns.push(Number(/blocked for (\d+) ms/.exec(line)?.[1] ?? 0))
      })
      const [first] = await once(createInterface(child.stdout), "line")
      for (let round = 0; round < 2 * rounds; round++) {
        if (round === rounds) turns.length = 0
        await exchange(Number(first), [atOnce], { answers: Math.floor(read / (pipeline.length / 5_000)) })
        await exchange(Number(first), crumbs, { answers: 1 })
      }
      return Math.max(20, ...turns)
    }),
  (child) =>
    Effect.promise(async () => {
      const exited = once(child, "exit")
      child.stdin.end()
      await exited
    })
)
