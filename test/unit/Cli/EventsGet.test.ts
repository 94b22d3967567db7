// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Buffer } from "node:buffer"
import { signatureLine } from "../../../src/Cli/Events/Get.ts"

const base64 = (text: string) => Buffer.from(text).toString("base64")

describe("events get --raw", () => {
  it("prints the signature on a separate line where a terminal shows body and signature", () => {
    assert.strictEqual(signatureLine("sha256=1", base64("{}"), true), "\nX-3QPR-Signature: sha256=1")
    assert.strictEqual(signatureLine("sha256=1", base64("{}\n"), true), "X-3QPR-Signature: sha256=1")
    assert.strictEqual(signatureLine("sha256=1", base64("{}"), false), "X-3QPR-Signature: sha256=1")
  })
})
