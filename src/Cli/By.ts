import { hostname, userInfo } from "node:os"
import process from "node:process"

/** Who asks, as user@host. */
export const by = () => `${user()}@${hostname()}`.replace(/\p{Cc}/gu, "").slice(0, 100)

// A container's user may have no name.
const user = () => {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`
  }
}
