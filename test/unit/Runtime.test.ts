import { assert, it } from "@effect/vitest"

const runtime = "Deno" in globalThis ? "deno" : "node"

it(`this suite runs on ${runtime} ${process.versions[runtime]}`, () => {
  assert.strictEqual(runtime, process.env["EXPECTED_RUNTIME"])
})
