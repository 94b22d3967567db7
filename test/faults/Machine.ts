import { existsSync, readdirSync, readFileSync } from "node:fs"
import process from "node:process"
import type { Target } from "./Fault.ts"

/** The resources of the processes under test. Memory and files are those of the largest process. */
export interface Held {
  readonly processes: number
  /** Resident memory in mebibytes. */
  readonly memory: number
  /** Open files and sockets. */
  readonly files: number
  /** Child processes of all processes together. */
  readonly children: number
}

/** The processes that ended by themselves, with the last log lines of each. */
export const fallen = (target: Target): ReadonlyArray<string> =>
  partsOf(target).flatMap(({ now, role }) => {
    const running = now()
    return running === undefined || runs(running.pid)
      ? []
      : [`a process with the role ${role} ended by itself: ${running.logs.slice(-5).join(" | ")}`]
  })

/** The last log lines of each process. */
export const lastLines = (target: Target): ReadonlyArray<string> =>
  partsOf(target).flatMap(({ now, role }) => [`${role}:`, ...(now()?.logs ?? ["does not run"]).slice(-40)])

const partsOf = ({ admin, projectors, receivers }: Target) => [...receivers, ...projectors, admin]

const runs = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Reads the resources of the running processes from /proc; undefined without /proc. */
export const held = (target: Target): Held | undefined => {
  if (!existsSync("/proc/self/fd")) return undefined
  const all = partsOf(target).flatMap(({ now }) => now()?.pid ?? [])
  const pids = all.filter(runs)
  const most = (of: (pid: number) => number) => Math.max(0, ...pids.map(of))
  return {
    processes: pids.length,
    memory: most((pid) =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_024
    ),
    files: most((pid) => readdirSync(`/proc/${pid}/fd`).length),
    children: pids.reduce(
      (sum, pid) =>
        sum + readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).length,
      0
    )
  }
}
