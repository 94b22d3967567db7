import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")

/** Holds the fingerprint of the sources that the program was built from. */
export const stamp = join(root, "dist", "program", "built-from")

/** Changes with the content of every file that the program is built from. Times differ between the runtimes. */
export const fingerprint = () => {
  const hash = createHash("sha256")
  const sources = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
  const others = ["build.ts", "package.json", "package-lock.json"].map((name) => join(root, name))
  for (const file of [...sources, ...others]) {
    const content = readFileSync(file)
    hash.update(`${file} ${content.length}\n`).update(content)
  }
  return hash.digest("hex")
}

/** Whether the program was built from the sources as they are. */
export const isFresh = () => {
  try {
    return readFileSync(stamp, "utf8") === fingerprint()
  } catch {
    return false
  }
}

/** Builds the program if a source changed, with the Node that the project pins, whichever runtime calls this. */
export const buildIfStale = () => {
  if (isFresh()) return
  execFileSync(join(root, "node_modules", ".bin", "node"), [join(root, "build.ts"), "--program"], {
    stdio: ["ignore", "ignore", "inherit"]
  })
}
