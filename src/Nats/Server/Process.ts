import { Effect, FileSystem } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import process from "node:process"
import { withoutSecrets } from "../ChildEnvironment.ts"

/**
 * Whether a process runs and its command line contains `text`. The pid alone is not enough, because another process
 * can have it by now.
 */
export const isRunning = (pid: number, text: string) =>
  commandLine(pid).pipe(
    Effect.map((line) => line.includes(text)),
    Effect.orElseSucceed(() => false)
  )

/** Asks a process to end, kills it if it still runs after 5 seconds, and waits until it has ended. */
export const end = Effect.fnUntraced(function*(pid: number, text: string) {
  const isGone = isRunning(pid, text).pipe(Effect.map((running) => !running))
  const wait = isGone.pipe(Effect.delay("50 millis"), Effect.repeat({ until: (gone) => gone }))
  yield* signal(pid, "SIGTERM")
  yield* wait.pipe(
    Effect.timeoutOrElse({
      duration: "5 seconds",
      orElse: () => Effect.andThen(signal(pid, "SIGKILL"), wait)
    })
  )
})

const signal = (pid: number, name: NodeJS.Signals) =>
  Effect.ignore(Effect.try({ try: () => process.kill(pid, name), catch: () => "already ended" }))

const commandLine = Effect.fnUntraced(function*(pid: number) {
  if (process.platform === "linux") {
    const fs = yield* FileSystem.FileSystem
    return yield* fs.readFileString(`/proc/${pid}/cmdline`)
  }
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  return yield* spawner.string(
    process.platform === "win32"
      ? ChildProcess.make("powershell", [
        "-NoProfile",
        "-Command",
        `(Get-CimInstance Win32_Process -Filter "ProcessId = ${pid}").CommandLine`
      ], withoutSecrets())
      : ChildProcess.make("ps", ["-ww", "-o", "command=", "-p", `${pid}`], withoutSecrets())
  )
})
