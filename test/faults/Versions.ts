import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import type { Part } from "../support/Faults/System.ts"
import { between, type Fault, oneOf } from "./Fault.ts"

/** The older version of the program, before the latest tables were added by migrations. A full clone has it. */
export const olderRevision = "f4130a4^"

const checkout = fileURLToPath(new URL("../../", import.meta.url))

/** Unpacks the program of a revision, with the packages of this checkout; undefined without the revision. */
const programOf = (revision: string): string | undefined => {
  const folder = mkdtempSync(join(tmpdir(), "threeqpr-older-version-"))
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
  try {
    const archive = execFileSync("git", ["archive", revision, "src", "package.json"], {
      cwd: checkout,
      maxBuffer: 256 * 1024 * 1024,
      stdio: ["ignore", "pipe", "ignore"]
    })
    execFileSync("tar", ["-x", "-C", folder], { input: archive })
    symlinkSync(join(checkout, "node_modules"), join(folder, "node_modules"))
    return join(folder, "src", "main.ts")
  } catch {
    return undefined
  }
}

/** Runs the older version in these processes for a while, as in a rolling update that is reverted. */
const otherVersion = (main: string, parts: ReadonlyArray<Part>, hold: Effect.Effect<void>) =>
  Effect.forEach(parts, (part) =>
    part.end("SIGTERM").pipe(
      Effect.andThen(part.startOther(main)),
      Effect.andThen(hold),
      Effect.ensuring(Effect.andThen(part.end("SIGTERM"), part.start))
    ), { discard: true })

/** Faults with two versions of the program at once; none if this clone lacks the older one. */
export const versionFaults = (): ReadonlyArray<Fault> => {
  const older = programOf(olderRevision)
  if (older === undefined) return []
  return [
    {
      name: "older version of a projector",
      row: 37,
      kind: "projector",
      happen: ({ projectors }, draw) => otherVersion(older, oneOf(draw, projectors), between(draw, 3, 15))
    },
    {
      name: "older version of a receiver",
      row: 37,
      kind: "receiver",
      happen: ({ receivers }, draw) => otherVersion(older, oneOf(draw, receivers), between(draw, 3, 15))
    }
  ]
}
