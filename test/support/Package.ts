import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { emptyProject, environmentOf } from "./Packed.ts"
import { shared } from "./Shared.ts"

/** An empty project with the packed tarball installed. */
export interface Project {
  readonly folder: string
  /** The size of the tarball in bytes. */
  readonly size: number
  /** Runs a command in the project and returns its output. Throws when the command fails. */
  readonly run: (command: string, environment?: Readonly<Record<string, string>>) => string
}

/** A copy of the project into which this test run installed the packed checkout. It is removed with the scope. */
export const install = Effect.gen(function*() {
  const installed = yield* Effect.promise(() => shared("package"))
  const folder = yield* emptyProject
  runIn(installed, `cp -a . ${folder}`)
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? ""
  const project: Project = {
    folder,
    size: statSync(join(folder, tarball)).size,
    run: (command, environment) => runIn(folder, command, environment)
  }
  return project
})

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
