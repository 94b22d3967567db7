import { Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import process from "node:process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { crumbs, pipeline } from "./Storms.ts"
import { exchange } from "./Wire.ts"

const runtimeArguments = process.versions["deno"] === undefined ? [] : ["run", "-A", "--quiet"]

/** As many go before: code that runs often enough is compiled then. */
const rounds = 10

/** What a runtime reads of a connection at once, in bytes. */
const read = 65_536

const atOnce = pipeline.subarray(0, read)

/**
 * The longest turn of the event loop, in milliseconds, of a handler that does nothing, on this machine and runtime:
 * what reading at once as much as the runtime reads at once takes, when it is what is worst to parse. 0 when none
 * took more than 20.
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
      return Math.max(0, ...turns)
    }),
  (child) =>
    Effect.promise(async () => {
      const exited = once(child, "exit")
      child.stdin.end()
      await exited
    })
)
