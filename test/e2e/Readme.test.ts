// Runs: long

import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Database } from "../../src/Database/Database.ts"
import * as Workspace from "../protections/Workspace.ts"
import { newDatabase, newDataDir, newEmbeddedDataDir } from "../support/Databases.ts"
import { deliver } from "../support/Http.ts"
import { test } from "../support/Live.ts"
import { serve, threeqpr } from "../support/Serve.ts"
import { until } from "../support/Until.ts"
import { scanCreated, secret, signed } from "../support/Webhook.ts"

const checkout = fileURLToPath(new URL("../..", import.meta.url))

const shell = (command: string) => {
  const { status, stderr, stdout } = spawnSync("sh", ["-c", command], { cwd: checkout, encoding: "utf8" })
  return { status, stdout, stderr }
}

describe("the README's ways to run a command", () => {
  it.each([
    ["npm start -- --help", /threeqpr serve/],
    ["npx threeqpr --version", /threeqpr v\d/],
    ["npm run -s threeqpr -- trigger --help", /threeqpr trigger/],
    ["node_modules/.bin/deno task threeqpr --version", /threeqpr v\d/],
    ["node_modules/.bin/deno task start --help", /threeqpr serve/]
  ])("%s", (command, shown) => {
    const { status, stderr, stdout } = shell(command)
    assert.strictEqual(status, 0, stderr)
    assert.match(stdout, shown)
  })
})

describe("the examples of docs/simulator.md", () => {
  const commands = readFileSync(`${checkout}/docs/simulator.md`, "utf8").split("\n")
    .filter((line) => /^npx threeqpr (trigger|simulate) /.test(line))

  test(
    "of trigger and simulate exit 0",
    Effect.gen(function*() {
      const DATA_DIR = yield* newEmbeddedDataDir
      writeFileSync(`${DATA_DIR}/body.json`, scanCreated("evt_of_the_readme"))
      writeFileSync(`${DATA_DIR}/conversation.json`, `{"id":"conv_1","message_count":3}`)
      const { admin, webhook } = yield* serve({ DATA_DIR })
      const settings = { DATA_DIR, PORT: new URL(webhook).port, ADMIN_PORT: new URL(admin).port }
      for (const command of commands) {
        const args = command.replaceAll(/\b(body|conversation)\.json/g, `${DATA_DIR}/$&`).split(" ").slice(2)
        const { code, stderr, stdout } = yield* threeqpr(args, settings)
        assert.strictEqual(code, 0, `${command}\n${stdout}${stderr}`)
      }
      assert.isAtLeast(commands.length, 5)
    }),
    120_000
  )
})

describe("the read model of docs/projections.md", () => {
  const [, path = "", source = ""] =
    /The file, `(src\/Projector\/Projections\/\w+\.ts)`.*?```ts\n(.*?)```/s.exec(
      readFileSync(`${checkout}/docs/projections.md`, "utf8")
    )
      ?? []

  test(
    "compiles as one file and one line, and receives the events that the log already had",
    Effect.gen(function*() {
      const copy = yield* Workspace.make
      const DATABASE_URL = yield* newDatabase
      const environment = {
        DATA_DIR: yield* newDataDir,
        DATABASE_URL,
        THREEQPR_WEBHOOK_SECRET: Redacted.value(secret)
      }
      const scan = (country: string) =>
        signed(scanCreated(`evt_${country}`, { qpr_code_id: "qpr_1", country }))
      const before = yield* serve(environment)
      assert.strictEqual((yield* deliver(before.webhook, scan("CH"))).status, 200)
      yield* before.end("SIGTERM")

      writeFileSync(`${copy}/${path}`, source)
      const list = readFileSync(`${copy}/src/Projector/Projections.ts`, "utf8")
      writeFileSync(
        `${copy}/src/Projector/Projections.ts`,
        `import { lastScans } from "./Projections/LastScans.ts"\n${
          list.replace("[scans,", "[lastScans, scans,")
        }`
      )
      const types = spawnSync("node_modules/.bin/tsc", ["--noEmit"], { cwd: copy, encoding: "utf8" })
      assert.strictEqual(types.status, 0, types.stdout)
      const after = yield* serve(environment, [], { entry: `${copy}/bin/threeqpr.js` })
      const database = yield* Layer.build(Database.layer({ url: Redacted.make(DATABASE_URL), dataDir: "" }))
      const sql = Context.get(database, SqlClient)
      const rows = sql<
        { readonly country: string }
      >`select country from last_scans where qpr_code_id = 'qpr_1'`
      yield* until("the scan before", rows, ([row]) => row?.country === "CH")
      assert.strictEqual((yield* deliver(after.webhook, scan("DE"))).status, 200)
      yield* until("the scan after", rows, ([row]) => row?.country === "DE")
      assert.strictEqual((yield* rows).length, 1)
    }),
    120_000
  )
})
