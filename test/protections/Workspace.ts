import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { remove } from "../support/Remove.ts"
import type { Edit } from "./Protection.ts"

/** The root of this checkout. */
export const checkout = fileURLToPath(new URL("../..", import.meta.url))

/** A copy of the checkout as it is, uncommitted changes included, until the scope ends. */
export const make = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = mkdtempSync(join(tmpdir(), "threeqpr-protections-"))
    // Postgres runs in it as another user.
    chmodSync(folder, 0o755)
    const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: checkout,
      encoding: "utf8"
    })
    for (const file of listed.split("\0")) {
      // Git still lists a file that was removed and not committed.
      if (file === "" || file === "node_modules" || !existsSync(join(checkout, file))) continue
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      cpSync(join(checkout, file), join(folder, file))
    }
    symlinkSync(join(checkout, "node_modules"), join(folder, "node_modules"))
    return folder
  }),
  remove
)

/** Makes edits in a copy of the checkout, until the scope ends. */
export const edited = (folder: string, edits: ReadonlyArray<Edit>) =>
  Effect.forEach(edits, ({ file, text, without }) => {
    const path = join(folder, file)
    return Effect.acquireRelease(
      Effect.sync(() => {
        const whole = readFileSync(path, "utf8")
        const parts = whole.split(text)
        if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${text}`)
        writeFileSync(path, parts.join(without))
        return whole
      }),
      (whole) => Effect.sync(() => writeFileSync(path, whole))
    )
  }, { discard: true })
