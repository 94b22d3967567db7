import { readFileSync } from "node:fs"

/** What Deno has and Node has not. */
declare const Deno: {
  readonly permissions: {
    querySync: (what: { readonly name: "read"; readonly path: string }) => { readonly state: string }
  }
} | undefined

/**
 * Whether `nohup` has made the process immune to the end of its terminal. Node takes that back when it starts, so this
 * is about Deno. Without the permission to read it, it counts as not immune, since Deno would ask on the terminal.
 */
export const ignoresHangUp = (): boolean => {
  if (typeof Deno === "undefined") return false
  if (Deno.permissions.querySync({ name: "read", path: status }).state !== "granted") return false
  try {
    const [, mask = "0"] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(status, "utf8")) ?? []
    return (BigInt(`0x${mask}`) & 1n) === 1n
  } catch {
    // Only Linux says it.
    return false
  }
}

const status = "/proc/self/status"
