import { homedir } from "node:os"
import { join } from "node:path"
import process from "node:process"

const env = (name: string) => process.env[name] || undefined

const folders: Record<string, () => string> = {
  darwin: () => join(homedir(), "Library", "Caches"),
  win32: () => env("LOCALAPPDATA") ?? join(homedir(), "AppData", "Local")
}

/** This user's folder for what can be fetched or made again. `XDG_CACHE_HOME` moves it. It need not exist. */
export const cacheDir = () =>
  join(env("XDG_CACHE_HOME") ?? folders[process.platform]?.() ?? join(homedir(), ".cache"), "threeqpr-events")
