import { readFileSync } from "node:fs"
import { mayRead } from "./MayRead.ts"

/**
 * Whether `nohup` has made the process immune to the end of its terminal. Node takes that back when it starts, so this
 * is about Deno. Where the system does not say it, the process counts as not immune.
 */
export const ignoresHangUp = (): boolean => {
  if (!mayRead(status)) return false
  try {
    const [, mask = "0"] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(status, "utf8")) ?? []
    return (BigInt(`0x${mask}`) & 1n) === 1n
  } catch {
    // Only Linux says it.
    return false
  }
}

const status = "/proc/self/status"
