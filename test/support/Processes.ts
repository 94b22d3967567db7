import { Effect } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { execFileSync } from "node:child_process"
import process from "node:process"
import { poll } from "./Until.ts"

/** One line for each process whose command line names a data folder: the broker and its guard. */
export const processesOf = (dataDir: string) =>
  Effect.flatMap(
    ChildProcessSpawner.ChildProcessSpawner,
    (spawner) => spawner.lines(ChildProcess.make("ps", ["-ww", "-eo", "pid=,command="]))
  ).pipe(Effect.map((lines) => lines.filter((line) => line.includes(dataDir))))

/** The process ids of the brokers. */
export const brokersOf = (dataDir: string) =>
  Effect.map(
    processesOf(dataDir),
    (lines) => pidsOf(lines.filter((line) => / -c \S+\/nats.conf$/.test(line)))
  )

/** The process ids of the guards. */
export const guardsOf = (dataDir: string) =>
  Effect.map(processesOf(dataDir), (lines) => pidsOf(lines.filter((line) => line.includes("nats-guard"))))

export const untilNoProcessOf = (dataDir: string) =>
  processesOf(dataDir).pipe(
    Effect.delay("20 millis"),
    Effect.repeat({ until: (found) => found.length === 0 }),
    Effect.timeout("30 seconds")
  )

/** Kills a process with SIGKILL, like a crash. */
export const kill = (pid: number) => Effect.sync(() => process.kill(pid, "SIGKILL"))

/**
 * Suspends a process, and waits until all its threads have stopped. `kill` returns before the signal arrives, and
 * until then the process may still answer.
 */
export const standStill = (pid: number) =>
  Effect.gen(function*() {
    process.kill(pid, "SIGSTOP")
    yield* poll(statesOf(pid), (states) => states.every((state) => state.startsWith("T")))
  })

// One line for each thread on Linux. Elsewhere `ps` prints one line for the process.
const statesOf = (pid: number) =>
  Effect.sync(() => {
    const threads = process.platform === "linux" ? ["-L"] : []
    const states = execFileSync("ps", [...threads, "-o", "state=", "-p", String(pid)], { encoding: "utf8" })
    return states.trim().split("\n")
  })

const pidsOf = (lines: ReadonlyArray<string>) => lines.map((line) => Number.parseInt(line, 10))

/** The resident memory of a process, in bytes. */
export const residentOf = (pid: number) =>
  Effect.sync(() =>
    Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" })) * 1_024
  )
