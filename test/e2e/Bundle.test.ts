import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import * as Workspace from "../protections/Workspace.ts"
import { test } from "../support/Live.ts"

const runtime = process.versions["deno"] === undefined ? [] : ["run", "-A", "--quiet"]

/** Runs the program of a checkout and returns its exit code and output. */
const threeqpr = (checkout: string, ...args: ReadonlyArray<string>) => {
  const program = [...runtime, join(checkout, "bin", "threeqpr.js"), ...args]
  const { status, stderr, stdout } = spawnSync(process.execPath, program, { encoding: "utf8" })
  return { status, output: `${stdout}${stderr}` }
}

describe("the program in a checkout", () => {
  test(
    "is built at its first run, and again after a source file has changed",
    Effect.gen(function*() {
      const checkout = yield* Workspace.make
      const first = threeqpr(checkout, "--help")
      assert.strictEqual(first.status, 0, first.output)
      const main = join(checkout, "src", "Cli", "Cli.ts")
      const description = "Receives 3QPR's webhooks, stores them in NATS JetStream"
      assert.include(first.output, description)
      writeFileSync(main, readFileSync(main, "utf8").replace(description, "Changed by the test"))
      assert.include(threeqpr(checkout, "--help").output, "Changed by the test")
    })
  )

  test(
    "names the Node version that it needs when the installed one is too old",
    Effect.gen(function*() {
      const checkout = yield* Workspace.make
      const program = join(checkout, "bin", "threeqpr.js")
      const text = readFileSync(program, "utf8")
      assert.include(text, "[22, 19]")
      writeFileSync(
        program,
        text.replace("[22, 19]", "[9999, 0]").replace("process.versions.deno === undefined && ", "")
      )
      const { output, status } = threeqpr(checkout, "--version")
      assert.strictEqual(status, 1)
      assert.match(output, /^threeqpr: this is Node \S+, and threeqpr-events needs Node 9999\.0 or later/)
    })
  )

  test(
    "loads no NATS client, no Postgres client and no projector to print its version",
    Effect.gen(function*() {
      const checkout = yield* Workspace.make
      assert.strictEqual(threeqpr(checkout, "--version").status, 0)
      const chunks = join(checkout, "dist", "program")
      const loaded = new Set<string>()
      const load = (chunk: string) => {
        if (loaded.has(chunk)) return
        loaded.add(chunk)
        const code = readFileSync(join(chunks, chunk), "utf8")
        for (const [, imported = ""] of code.matchAll(/^(?:import|export)\b[^;]*? ?"\.\/([^"]+)";/gm)) {
          load(imported)
        }
      }
      load("main.js")
      const sources = [...loaded].flatMap((chunk): ReadonlyArray<string> =>
        readdirSync(chunks).includes(`${chunk}.map`)
          ? JSON.parse(readFileSync(join(chunks, `${chunk}.map`), "utf8")).sources
          : []
      )
      assert.isNotEmpty(sources.filter((source) => source.endsWith("/src/Cli/Status.ts")))
      assert.isEmpty(
        sources.filter((source) =>
          /node_modules\/(nats|nkeys\.js|undici|ws|pg[\w-]*|@effect\/sql-pg|@electric-sql)\/|\/src\/(Projector|Nats|Database)\b/
            .test(source)
        )
      )
    })
  )
})
