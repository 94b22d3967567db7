// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Buffer } from "node:buffer"
import { belongingOf } from "../../../src/Domain/Belonging.ts"
import type { Target } from "../../../src/Domain/ErasureTarget.ts"
import { type Read, selectionOf } from "../../../src/Jobs/Erasure.ts"

const read = (id: string, event: string, data: object): Read => {
  const json = { id, event, data }
  return {
    sequence: 1,
    id,
    type: event,
    text: Buffer.from(JSON.stringify(json)),
    belonging: belongingOf(json)
  }
}
const unreadable = (text: string): Read => ({
  ...read("sha256:1", "", {}),
  text: Buffer.from(text),
  belonging: undefined
})

/** Which of the entries belong to the target, in the order in which they are looked at. */
const belonging = (target: Target, ...entries: ReadonlyArray<Read>) => {
  const { belongs, keys } = selectionOf(target)
  return { keys, belong: entries.map(belongs) }
}

describe("the selection of an erasure", () => {
  const scan = read("evt_1", "scan.created", { id: "scan_1", qpr_code_id: "qpr_1" })
  const withoutCode = read("evt_2", "scan.created", { id: "scan_1" })
  const other = read("evt_3", "scan.created", { id: "scan_2", qpr_code_id: "qpr_2" })
  const conversation = read("evt_4", "conversation.completed", {
    conversation_id: "conv_1",
    scan_id: "scan_1"
  })

  it("of a code includes its scans, and then everything about these scans", () => {
    const { belong, keys } = belonging(
      { kind: "qpr_code", id: "qpr_1" },
      withoutCode,
      scan,
      other,
      withoutCode,
      conversation
    )
    assert.deepStrictEqual(belong, [false, true, false, true, true])
    assert.deepStrictEqual([...keys], ["qpr_code:qpr_1", "scan:scan_1", "conversation:conv_1"])
  })

  it("of an event includes the events about the same entity, and not what belongs to that entity", () => {
    const { belong } = belonging({ kind: "event", id: "evt_1" }, withoutCode, scan, withoutCode, conversation)
    assert.deepStrictEqual(belong, [false, true, true, false])
  })

  it("includes input that cannot be read when it contains the id", () => {
    const target: Target = { kind: "qpr_code", id: "qpr_1" }
    const entries = ["{\"qpr_code_id\":\"qpr_1\"", "{\"qpr_code_id\":\"qpr_11\""].map(unreadable)
    assert.deepStrictEqual(belonging(target, ...entries).belong, [true, false])
  })
})
