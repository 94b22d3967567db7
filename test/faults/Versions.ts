import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import type { Draw } from "../support/Faults/Bodies.ts"
import type { Part } from "../support/Faults/System.ts"
import { between, type Fault, oneOf, type Target } from "./Fault.ts"
import { acceptLog } from "./Log.ts"

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

const subscriptions = "src/Projector/Projections/Subscriptions.ts"

/** Copies the program of this checkout, with another definition of the subscriptions. */
const programWith = (definition: string) => {
  const folder = mkdtempSync(join(tmpdir(), "threeqpr-other-definition-"))
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
  for (const name of ["src", "package.json"]) {
    cpSync(join(checkout, name), join(folder, name), { recursive: true })
  }
  symlinkSync(join(checkout, "node_modules"), join(folder, "node_modules"))
  const text = readFileSync(join(folder, subscriptions), "utf8")
  const edited = text.replace(/^  types: \[.*\],$/m, definition)
  if (edited === text) throw new Error(`${subscriptions} has no line with its types`)
  writeFileSync(join(folder, subscriptions), edited)
  return join(folder, "src", "main.ts")
}

/** Fewer types, of a lower revision. */
const olderDefinition = `  revision: 0,\n  types: ["subscription.upgraded"],`

/** More types, of a higher revision. */
const newerDefinition =
  `  revision: 9,\n  types: ["subscription.upgraded", "subscription.cancelled", "subscription.renewed"],`

/** Updates one projector to a newer definition, goes back to this one, and builds the read model again. */
const updateRolledBack = (newer: string) => (target: Target, draw: Draw) =>
  otherVersion(newer, oneOf(draw, target.projectors), between(draw, 3, 10)).pipe(
    Effect.andThen(acceptLog(target, "To go back to the older one"))
  )

/** Faults with two definitions of one read model at once. */
const definitionFaults = (): ReadonlyArray<Fault> => {
  const older = programWith(olderDefinition)
  const newer = programWith(newerDefinition)
  return [
    {
      name: "older definition of a projector",
      row: 37,
      kind: "projector",
      happen: ({ projectors }, draw) => otherVersion(older, oneOf(draw, projectors), between(draw, 3, 15))
    },
    {
      name: "newer definition, rolled back",
      row: 37,
      kind: "projector",
      alone: true,
      happen: updateRolledBack(newer)
    }
  ]
}

/** Runs the older version in these processes for a while, as in a rolling update that is reverted. */
const otherVersion = (main: string, parts: ReadonlyArray<Part>, hold: Effect.Effect<void>) =>
  Effect.forEach(parts, (part) =>
    part.end("SIGTERM").pipe(
      Effect.andThen(part.startOther(main)),
      Effect.andThen(hold),
      Effect.ensuring(Effect.andThen(part.end("SIGTERM"), part.start))
    ), { discard: true })

/** Faults with two versions of the program at once. Those with the older revision need a clone that has it. */
export const versionFaults = (): ReadonlyArray<Fault> => {
  const older = programOf(olderRevision)
  if (older === undefined) return definitionFaults()
  return [
    ...definitionFaults(),
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
