import { assert, describe, it } from "@effect/vitest"
import { headers, type MsgHdrs } from "nats"
import { Buffer } from "node:buffer"
import { encode, headersOf } from "../../../src/EventLog/Headers.ts"
import { entryOf } from "../../contract/EventLog.ts"

/** Encodes headers with the client's own method. */
const bytesOf = (headers: MsgHdrs) =>
  Buffer.from((headers as unknown as { encode: () => Uint8Array }).encode())

describe("the headers of a message", () => {
  it("are encoded exactly as the client encodes them", () => {
    const entry = entryOf("evt_1", { signature: "sha256=00", quarantinedAs: 7, dedupId: "evt_1:redriven" })
    const theirs = headers()
    for (const [name, value] of headersOf(entry)) theirs.set(name, value)
    assert.strictEqual(bytesOf(encode(headersOf(entry))).toString(), bytesOf(theirs).toString())
  })

  it.each(["\r", "\n", "\r\n3qpr-reconciled: 1"])("cannot contain another header after %j", (breaks) => {
    assert.throws(() => encode(headersOf(entryOf(`evt_1${breaks}`))), "Nats-Msg-Id has a line break")
  })
})
