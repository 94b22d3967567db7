import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"

const root = join(import.meta.dirname, "..")

/** Holds the fingerprint of the sources that the program was built from. */
export const stamp = join(root, "dist", "program", "built-from")

const sources = () =>
  readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .concat(["build.ts", "package.json", "package-lock.json"].map((name) => join(root, name)))
    .toSorted()

const digest = (describe) => {
  const hash = createHash("sha256")
  for (const file of sources()) hash.update(`${file} `).update(describe(file)).update("\n")
  return hash.digest("hex")
}

/** Changes with the content of every file that the program is built from. */
const contents = () => digest((file) => createHash("sha256").update(readFileSync(file)).digest("hex"))

/** Changes when a source is written: a quarter of the time that reading them all takes. */
const writes = () =>
  digest((file) => {
    const { mtimeMs, size } = statSync(file)
    return `${size} ${Math.floor(mtimeMs)}`
  })

const recorded = () => {
  try {
    return JSON.parse(readFileSync(stamp, "utf8"))
  } catch {
    return {}
  }
}

/** What the program is built from, as it is now. */
export const fingerprint = () => JSON.stringify({ writes: writes(), contents: contents() })

/** Whether the program was built from the sources as they are. */
export const isFresh = () => {
  const built = recorded()
  return built.writes === writes() || built.contents === contents()
}

/** The Node that builds: the one that runs this, or on Deno the one that `npm ci` installs, or else the machine's. */
const builder = () => {
  if (process.versions.deno === undefined) return process.execPath
  const installed = join(root, "node_modules", ".bin", "node")
  return existsSync(installed) ? installed : "node"
}

/** Builds the program if a source changed. What builds gets none of our secrets. */
export const buildIfStale = () => {
  if (isFresh()) return
  const { HOME, PATH } = process.env
  execFileSync(builder(), [join(root, "build.ts"), "--program"], {
    env: { HOME, PATH },
    stdio: ["ignore", "ignore", "inherit"]
  })
}
