import { Effect, Stream } from "effect"
import { ChildProcess } from "effect/process"
import process from "node:process"

/** A nats-server that we started. */
export interface Child {
  /** Of nats-server itself, not of what guards it. */
  readonly pid: number
  /** Waits for its end and says how that came, in a few words; with what it printed, if anything. */
  readonly ended: Effect.Effect<string>
}

/**
 * Runs nats-server until the scope ends: then it is asked to stop, and killed after 5 seconds. On POSIX it
 * also stops when we die without a word, because a shell watches the pipe that we hold (our `kill -9`
 * closes it). Windows has no such guard; see `Leftover`.
 */
export const start = Effect.fn("Guard.start")(function*(binary: string, configFile: string) {
  const guarded = process.platform !== "win32"
  const stop = { killSignal: "SIGTERM", forceKillAfter: "5 seconds" } as const
  const handle = guarded
    ? yield* ChildProcess.make("/bin/sh", ["-c", guard, "nats-guard", binary, configFile], stop)
    : yield* ChildProcess.make(binary, ["-c", configFile], stop)
  const printed: Array<string> = []
  yield* handle.stderr.pipe(
    Stream.decodeText,
    Stream.splitLines,
    Stream.runForEach((line) => Effect.sync(() => void printed.splice(0, printed.length - 19, line))),
    Effect.ignore,
    Effect.forkScoped
  )
  const firstLine = handle.stdout.pipe(Stream.decodeText, Stream.splitLines, Stream.runHead)
  const child: Child = {
    pid: handle.pid,
    ended: handle.exitCode.pipe(
      Effect.match({ onSuccess: (code) => `exit code ${code}`, onFailure: (error) => error.message }),
      Effect.map((how) => [how, ...printed].join("\n"))
    )
  }
  return child
})
