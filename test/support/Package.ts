import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"

const checkout = fileURLToPath(new URL("../..", import.meta.url))

/** Prefers the Node and Deno versions that the project pins to those of the machine. */
const path = [join(checkout, "node_modules", ".bin"), process.env["PATH"]].join(delimiter)

/** An empty project with the packed tarball installed. */
export interface Project {
  readonly folder: string
  /** The size of the tarball in bytes. */
  readonly size: number
  /** Runs a command in the project and returns its output. Throws when the command fails. */
  readonly run: (command: string, environment?: Readonly<Record<string, string>>) => string
}

/** Packs the checkout and installs it. The folder is removed with the scope. */
export const install = Effect.acquireRelease(
  Effect.sync((): Project => {
    const folder = mkdtempSync(join(tmpdir(), "threeqpr-package-"))
    const run = (command: string, environment: Readonly<Record<string, string>> = {}) =>
      runIn(folder, command, environment)
    runIn(checkout, `npm pack --silent --pack-destination ${folder}`)
    const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? ""
    writeFileSync(join(folder, "package.json"), `{"private":true,"type":"module"}`)
    run(`npm install --silent --prefer-offline --no-audit --no-fund ./${tarball}`)
    return { folder, size: statSync(join(folder, tarball)).size, run }
  }),
  ({ folder }) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }))
)

/** The environment of a command in such a project, without the variables that refer npm to the checkout. */
export const environmentOf = (environment: Readonly<Record<string, string>>) => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !ofThisRun.test(name))),
  PATH: path,
  NO_COLOR: "1",
  ...environment
})

const ofThisRun = /^(npm_(package|lifecycle|config_local)|INIT_CWD|NATS_URL|DATABASE_URL|THREEQPR_)/

/** Runs a command in a folder and returns its output. Throws when the command fails. */
export const runIn = (cwd: string, command: string, environment: Readonly<Record<string, string>> = {}) => {
  const { status, stderr, stdout } = spawnSync("sh", ["-c", command], {
    cwd,
    env: environmentOf(environment),
    encoding: "utf8"
  })
  if (status !== 0) throw new Error(`${command}: ended with ${status}\n${stdout}${stderr}`)
  return stdout
}
