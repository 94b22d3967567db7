import { existsSync, readdirSync, readFileSync } from "node:fs"
import type { Target } from "./Fault.ts"

/** What the processes of ours hold: the most of any one. */
export interface Held {
  readonly processes: number
  /** Mebibytes of resident memory. */
  readonly memory: number
  /** Open files and sockets. */
  readonly files: number
  /** Child processes of all. */
  readonly children: number
}

/** Reads it from /proc of those that run; undefined where there is none. */
export const held = (target: Target): Held | undefined => {
  if (!existsSync("/proc/self/fd")) return undefined
  const all = [...target.receivers, ...target.projectors, target.admin].flatMap(({ now }) => now()?.pid ?? [])
  // Parts that were there for a while are still among them.
  const pids = all.filter((pid) => existsSync(`/proc/${pid}/status`))
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
