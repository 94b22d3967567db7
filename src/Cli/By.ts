import { hostname, userInfo } from "node:os"
import process from "node:process"

/** The user who runs the command, as user@host. */
export const by = () => `${user()}@${hostname()}`.replace(/\p{Cc}/gu, "").slice(0, 100)

// In a container, the user may have no name.
const user = () => {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`
  }
}
