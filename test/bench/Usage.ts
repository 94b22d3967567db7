import { readdirSync, readFileSync } from "node:fs"

/** The resources that processes have used so far. */
export interface Usage {
  readonly cpuSeconds: number
  readonly residentBytes: number
}

/** The usage of a process and its descendants, read from /proc. NaN without /proc. */
export const usageOf = (pid: number): Usage => {
  let processes: Array<Stat>
  try {
    processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap(statOf)
  } catch {
    return { cpuSeconds: NaN, residentBytes: NaN }
  }
  const family = new Set([pid])
  for (let size = 0; size < family.size;) {
    size = family.size
    for (const process of processes) if (family.has(process.parent)) family.add(process.pid)
  }
  const members = processes.filter((process) => family.has(process.pid))
  return {
    cpuSeconds: members.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    residentBytes: members.reduce((sum, { residentBytes }) => sum + residentBytes, 0)
  }
}

interface Stat extends Usage {
  readonly pid: number
  readonly parent: number
}

const ticksPerSecond = 100
const pageSize = 4_096

const statOf = (name: string): ReadonlyArray<Stat> => {
  try {
    const text = readFileSync(`/proc/${name}/stat`, "utf8")
    // The second field is the command in parentheses, which can contain any characters.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number)
    const at = (field: number) => fields[field - 3] ?? 0
    return [{
      pid: Number(name),
      parent: at(4),
      cpuSeconds: (at(14) + at(15)) / ticksPerSecond,
      residentBytes: at(24) * pageSize
    }]
  } catch {
    // The process has ended meanwhile.
    return []
  }
}
