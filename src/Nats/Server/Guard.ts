import { Effect, Fiber, Option, Stream } from "effect"
import { ChildProcess } from "effect/process"
import process from "node:process"
import { withoutSecrets } from "../ChildEnvironment.ts"

/** A nats-server that this process started. */
export interface Child {
  /** Process id of nats-server, not of its guard. */
  readonly pid: number
  /** Waits until it ends. Returns how it ended and the last lines that it printed, if any. */
  readonly ended: Effect.Effect<string>
}

/**
 * Runs nats-server until the scope ends. It is then asked to stop, and killed after 5 seconds. On POSIX it also stops
 * if this process is killed, because a shell watches a pipe that only this process holds open. Windows has no such
 * guard: there, the next start ends the leftover process.
 */
export const start = Effect.fn("Guard.start")(function*(binary: string, configFile: string) {
  const isGuarded = process.platform !== "win32"
  const options = { ...withoutSecrets(), killSignal: "SIGTERM", forceKillAfter: "5 seconds" } as const
  const handle = yield* (isGuarded
    ? ChildProcess.make("/bin/sh", ["-c", guard, "nats-guard", binary, configFile], options)
    : ChildProcess.make(binary, ["-c", configFile], options))
  const printed = yield* handle.stderr.pipe(
    Stream.decodeText,
    Stream.splitLines,
    Stream.takeRight(20),
    Stream.runCollect,
    Effect.orElseSucceed(() => []),
    Effect.forkScoped
  )
  const announced = isGuarded
    ? yield* handle.stdout.pipe(Stream.decodeText, Stream.splitLines, Stream.runHead)
    : Option.none()
  const child: Child = {
    pid: Option.match(announced, { onNone: () => handle.pid, onSome: Number }),
    ended: Effect.gen(function*() {
      const how = yield* handle.exitCode.pipe(
        Effect.match({ onSuccess: (code) => `exit code ${code}`, onFailure: (error) => error.message })
      )
      const lines = yield* Fiber.join(printed).pipe(Effect.timeoutOption("1 second"))
      return [how, ...Option.getOrElse(lines, () => [])].join("; ")
    })
  }
  return child
})

// A background command's standard input is /dev/null, hence descriptor 3. `wait` also returns when a signal was
// trapped, hence the loop. A process that the guard does not wait for could stay as a zombie.
const guard = `
binary=$1 config=$2
exec 3<&0
"$binary" -c "$config" 3<&- >&2 &
server=$!
echo "$server"
{
  read -r _ <&3
  kill "$server"
  for second in 1 2 3 4 5; do sleep 1; kill -0 "$server" || exit; done
  kill -KILL "$server"
} >/dev/null 2>&1 &
watcher=$!
trap 'kill "$server"' TERM INT HUP
wait "$server"; code=$?
while kill -0 "$server" 2>/dev/null; do wait "$server"; code=$?; done
kill "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null
exit "$code"
`
