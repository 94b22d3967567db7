import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process"
import process from "node:process"

/**
 * Runs a program that receives a signal when its standard input closes. That happens when this process ends, for any
 * reason. The child is a shell that ends with the program. On Windows the child is the program itself.
 */
export const spawnGuarded = (
  program: string,
  args: ReadonlyArray<string>,
  signal: "QUIT" | "KILL",
  options: Pick<SpawnOptions, "uid" | "gid" | "env"> = {}
): ChildProcess => {
  const guard = `exec 3<&0
    "$0" "$@" </dev/null 3<&- & program=$!
    { cat <&3 >/dev/null; kill -${signal} $program; } 2>/dev/null &
    wait $program`
  const stdio = { ...options, stdio: ["pipe", "ignore", "pipe"] as ["pipe", "ignore", "pipe"] }
  return process.platform === "win32"
    ? spawn(program, args, stdio)
    : spawn("sh", ["-c", guard, program, ...args], stdio)
}
