import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"

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
