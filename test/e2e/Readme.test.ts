// Runs: long

import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { newEmbeddedDataDir, newStores } from "../support/Databases.ts"
import { deliver, send } from "../support/Http.ts"
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

describe("the read models of docs/projections.md", () => {
  const blocks = [
    ...readFileSync(`${checkout}/docs/projections.md`, "utf8").matchAll(/```ts\n(import .*?)```/gs)
  ].map(([, code = ""]) => code.replace(`"threeqpr-events/projection"`, `"../../../src/projection.ts"`))
  const [models = "", visits = "", specification = ""] = blocks

  test(
    "receive the events that the log already had, answer in the API, and pass their specification",
    Effect.gen(function*() {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(`${checkout}/test/examples/run-`)),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
      )
      writeFileSync(`${folder}/models.ts`, models + visits.replace(/^import .*$/m, ""))
      writeFileSync(`${folder}/specification.ts`, specification)
      const environment = { ...(yield* newStores), THREEQPR_WEBHOOK_SECRET: Redacted.value(secret) }
      const scan = (id: string, country: string) => signed(scanCreated(id, { qpr_code_id: "qpr_1", country }))
      const before = yield* serve(environment)
      assert.strictEqual((yield* deliver(before.webhook, scan("evt_1", "CH"))).status, 200)
      yield* before.end("SIGTERM")

      const after = yield* serve(environment, ["--projections", `${folder}/models.ts`])
      assert.strictEqual((yield* deliver(after.webhook, scan("evt_2", "CH"))).status, 200)
      const rows = Effect.map(
        send(`${after.admin}/v1/models/countries?where.country=CH`),
        ({ body }) => JSON.stringify(body)
      )
      yield* until("both scans", rows, (body) => body.includes(`"scans":2`))
      const settings = { ...environment, ADMIN_PORT: new URL(after.admin).port }
      const listed = yield* threeqpr(["models", "list"], settings)
      assert.match(listed.stdout, /^countries +1 +country +country$/m, listed.stderr)
      const shown = yield* threeqpr(["models", "rows", "countries", "--where", "country=CH"], settings)
      assert.match(shown.stdout, /^CH +2 /m, shown.stderr)
      const runtime = process.versions["deno"] === undefined ? [] : ["run", "-A", "--quiet"]
      const { status, stderr } = spawnSync(process.execPath, [...runtime, `${folder}/specification.ts`], {
        encoding: "utf8",
        cwd: checkout
      })
      assert.strictEqual(status, 0, stderr)
    }),
    120_000
  )
})
