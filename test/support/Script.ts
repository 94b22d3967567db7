import { Deferred, Effect, Queue, type Scope } from "effect"
import { spawn } from "node:child_process"
import process from "node:process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** A TypeScript file of ours that runs as a process of its own. */
export interface Script {
  readonly pid: number
  /** The next line of its standard output; an interrupted effect when there is none any more. */
  readonly line: Effect.Effect<string>
  /** Ends it at once, as a crash would, and waits until it is gone. */
  readonly kill: Effect.Effect<void>
  readonly ended: Effect.Effect<number | null>
}

/**
 * Starts `test/fixtures/<name>.ts` on the runtime that runs the tests. Its standard input closes when we
 * die, however we die: a script that waits for that leaves no process behind.
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
