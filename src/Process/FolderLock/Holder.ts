import { Effect, FileSystem, Option, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { hostname } from "node:os"
import process from "node:process"

/** The holder of a lock. It distinguishes a living process from a dead one whose pid was assigned again. */
export const Holder = Schema.fromJsonString(Schema.Struct({
  /** Identifies this acquisition, so that two locks of one process differ. */
  id: Schema.String,
  pid: Schema.Int,
  /** When the process started, in kernel ticks; null where the kernel does not report it. */
  startedAt: Schema.NullOr(Schema.String),
  /** The scope in which a pid and a start time identify a process: a boot and pid namespace of Linux, else a host. */
  space: Schema.String,
  host: Schema.String
}))
export type Holder = typeof Holder.Type

/** This process, as the holder of a new lock. */
export const self: Effect.Effect<Holder, never, FileSystem.FileSystem> = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const pid = process.pid
  const startedAt = Option.map(yield* statusOf(pid), (status) => status.startedAt)
  const space = yield* Effect.all([
    fs.readFileString("/proc/sys/kernel/random/boot_id"),
    fs.readLink("/proc/self/ns/pid")
  ]).pipe(
    Effect.map(([boot, namespace]) => `${boot.trim()} ${namespace}`),
    Effect.orElseSucceed(() => hostname())
  )
  return { id: randomUUID(), pid, startedAt: Option.getOrNull(startedAt), space, host: hostname() }
})

/** Whether a holder in the same space still runs. */
export const isRunning = Effect.fnUntraced(function*(holder: Holder) {
  if (!exists(holder.pid)) return false
  return Option.match(yield* statusOf(holder.pid), {
    onNone: () => true,
    onSome: ({ startedAt, ended }) => !ended && (holder.startedAt === null || holder.startedAt === startedAt)
  })
})

const exists = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // EPERM: the process runs as another user.
    return (error as NodeJS.ErrnoException).code !== "ESRCH"
  }
}

// proc_pid_stat(5): the name in parentheses may contain any character. The state follows it; the start time is field
// 22.
const statusOf = (pid: number) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(`/proc/${pid}/stat`)).pipe(
    Effect.map((stat) => {
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
      return { startedAt: fields[19] ?? "", ended: fields[0] === "Z" || fields[0] === "X" }
    }),
    Effect.option
  )
