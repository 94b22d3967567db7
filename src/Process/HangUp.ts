import { readFileSync } from "node:fs"
import { mayRead } from "./MayRead.ts"

/**
 * Whether `nohup` made the process ignore the end of its terminal. Node resets that when it starts, so this is
 * relevant on Deno only. Where the system does not report it, the result is false.
 */
export const ignoresHangUp = (): boolean => {
  if (!mayRead(status)) return false
  try {
    const [, mask = "0"] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(status, "utf8")) ?? []
    return (BigInt(`0x${mask}`) & 1n) === 1n
  } catch {
    // Only Linux reports it.
    return false
  }
}

const status = "/proc/self/status"
