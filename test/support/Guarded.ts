import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process"
import process from "node:process"

/**
 * Runs a program that gets a signal when its standard input closes, which is when we die, however we die.
 * The child is a shell beside it, and ends with it; on Windows it is the program itself.
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
