import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { newDataDir } from "../support/Databases.ts"
import { test } from "../support/Live.ts"
import { serve, threeqpr } from "../support/Serve.ts"
import { scanCreated } from "../support/Webhook.ts"

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

describe("the README's examples", () => {
  const commands = readFileSync(`${checkout}/README.md`, "utf8").split("\n")
    .filter((line) => /^npx threeqpr (trigger|simulate) /.test(line))

  test(
    "of trigger and simulate do what they say",
    Effect.gen(function*() {
      const DATA_DIR = yield* newDataDir
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
