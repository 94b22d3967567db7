import { Effect } from "effect"
import { execFile } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

export const checkout = fileURLToPath(new URL("../..", import.meta.url))

/** Prefers the Node and Deno versions that the project pins to those of the machine. */
const path = [join(checkout, "node_modules", ".bin"), process.env["PATH"]].join(delimiter)

const ofThisRun = /^(npm_(package|lifecycle|config_local)|INIT_CWD|NATS_URL|DATABASE_URL|THREEQPR_)/

/** The environment of a command beside the checkout, without the variables that refer npm to the checkout. */
export const environmentOf = (environment: Readonly<Record<string, string>>) => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !ofThisRun.test(name))),
  PATH: path,
  NO_COLOR: "1",
  ...environment
})

/** Deno lets only programs with all permissions use files below /dev, where the other temporary folders are. */
const parent = process.versions["deno"] === undefined ? tmpdir() : "/tmp"

/** An empty project, removed with the scope. */
export const emptyProject = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = mkdtempSync(join(parent, "threeqpr-package-"))
    writeFileSync(join(folder, "package.json"), `{"private":true,"type":"module"}`)
    return folder
  }),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }))
)

/** An empty project into which the packed checkout was installed. Its folder also has the tarball. */
export const packed = Effect.tap(emptyProject, (folder) =>
  Effect.promise(async () => {
    const run = (command: string, cwd: string) =>
      promisify(execFile)("sh", ["-c", command], { cwd, env: environmentOf({}) })
    await run(`npm pack --silent --pack-destination ${folder}`, checkout)
    const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? ""
    await run(`npm install --silent --prefer-offline --no-audit --no-fund ./${tarball}`, folder)
  }))
