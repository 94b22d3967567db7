// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { OpenApi } from "effect/http-api"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { Api } from "../../../src/Admin/Api.ts"

const checkout = fileURLToPath(new URL("../../..", import.meta.url))

const node = process.versions["deno"] === undefined
  ? process.execPath
  : join(checkout, "node_modules", ".bin", "node")

/** Runs a program of `node_modules` on Node. Returns its exit code and its output. */
const run = (program: string, ...args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync(node, [program, ...args], {
    cwd: checkout,
    encoding: "utf8"
  })
  return { status, shown: `${stdout}${stderr}` }
}

/** A client's program, with valid uses of the types and two mistakes that the types must detect. */
const program = `
import type { components, paths } from "./threeqpr.js"

type Models = components["schemas"]

export const seen = (scan: Models["Scan"], conversation: Models["Conversation"]) => {
  const id: string = scan.id
  const country: string | null = scan.country
  const messages: number | null = conversation.message_count
  return { id, country, messages, own: scan["a field of 3QPR"] }
}

export const shown = (event: Models["Event"], letter: Models["DeadLetter"]): string =>
  \`\${event.sequence} \${event.id} \${event.body_base64} \${letter.consumer} \${letter.error}\`

export const query: paths["/v1/scans"]["get"]["parameters"]["query"] = { limit: 10, country: "US" }
export const page = (answer: paths["/v1/scans"]["get"]["responses"][200]["content"]["application/json"]) =>
  answer.scans.map((scan: Models["Scan"]) => scan.scanned_at)

// @ts-expect-error A limit is a number.
export const wrong: paths["/v1/scans"]["get"]["parameters"]["query"] = { limit: "10" }
// @ts-expect-error A dead letter has no such field.
export const none = (letter: Models["DeadLetter"]) => letter.unheard_of
`

describe("types that openapi-typescript generates from the document", () => {
  it("include Scan, Conversation, Event and DeadLetter, and a program that uses them compiles", () => {
    const folder = mkdtempSync(join(tmpdir(), "threeqpr-openapi-"))
    try {
      const document = join(folder, "openapi.json")
      writeFileSync(document, JSON.stringify(OpenApi.fromApi(Api)))
      const types = join(folder, "threeqpr.d.ts")
      const generated = run(
        "--import",
        "./test/support/OpenApi/Hook.ts",
        "node_modules/openapi-typescript/bin/cli.js",
        document,
        "--output",
        types
      )
      assert.strictEqual(generated.status, 0, generated.shown)
      const file = join(folder, "program.ts")
      writeFileSync(file, program)
      const compiled = run(
        "node_modules/typescript/bin/tsc",
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--ignoreConfig",
        "--types",
        "",
        "--module",
        "nodenext",
        file
      )
      assert.strictEqual(compiled.status, 0, compiled.shown)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
