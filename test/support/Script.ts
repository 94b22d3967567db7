import { Deferred, Effect, Queue, type Scope } from "effect"
import { spawn } from "node:child_process"
import process from "node:process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** A TypeScript file of the tests that runs as a separate process. */
export interface Script {
  readonly pid: number
  /** The next line of its standard output. The effect is interrupted after the last one. */
  readonly line: Effect.Effect<string>
  /** Kills the process, like a crash, and waits until it has ended. */
  readonly kill: Effect.Effect<void>
  readonly ended: Effect.Effect<number | null>
}

/**
 * Starts `test/fixtures/<name>.ts` on the runtime of the tests. Its standard input closes when this process ends,
 * for any reason. A script that waits for that leaves no process behind.
 */
export const start = (
  name: string,
  ...args: ReadonlyArray<string>
): Effect.Effect<Script, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.gen(function*() {
      const ended = yield* Deferred.make<number | null>()
      const lines = yield* Queue.unbounded<string>()
      const file = fileURLToPath(new URL(`../fixtures/${name}.ts`, import.meta.url))
      const child = spawn(process.execPath, [...runtimeArguments, file, ...args], {
        stdio: ["pipe", "pipe", "inherit"]
      })
      createInterface(child.stdout)
        .on("line", (line) => Queue.offerUnsafe(lines, line))
        .on("close", () => Effect.runFork(Queue.shutdown(lines)))
      child.on("exit", (code) => Deferred.doneUnsafe(ended, Effect.succeed(code)))
      return {
        pid: child.pid ?? 0,
        line: Queue.take(lines),
        kill: Effect.andThen(Effect.sync(() => child.kill("SIGKILL")), Deferred.await(ended)).pipe(
          Effect.asVoid
        ),
        ended: Deferred.await(ended)
      }
    }),
    (script) => script.kill
  )

const runtimeArguments = process.versions["deno"] === undefined ? [] : ["run", "-A", "--quiet"]
