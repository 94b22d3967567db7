import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"

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

/** Builds the program if a source changed, with the Node that the project pins, whichever runtime calls this. */
export const buildIfStale = () => {
  if (isFresh()) return
  execFileSync(join(root, "node_modules", ".bin", "node"), [join(root, "build.ts"), "--program"], {
    stdio: ["ignore", "ignore", "inherit"]
  })
}
