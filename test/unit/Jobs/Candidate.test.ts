import { assert, describe, it } from "@effect/vitest"
import { Buffer } from "node:buffer"
import { decodeDelivery } from "../../../src/Domain/Decode.ts"
import { codeListed, judge, judgeCode } from "../../../src/Jobs/Reconciliations/Candidate.ts"
import { scanOfTheReference } from "../../support/Webhook.ts"

const scan = (more: object = {}) => ({ ...scanOfTheReference, id: "scan_1", ...more })

const nested = (levels: number) => JSON.parse(`${"[".repeat(levels)}${"]".repeat(levels)}`)

const odd: Readonly<Record<string, readonly [scan: unknown, id: string | null, reason: RegExp]>> = {
  "a time without a zone": [scan({ scanned_at: "2026-03-20T15:30:00" }), "scan_1", /data\.scanned_at/],
  "an id that is null": [scan({ id: null }), null, /data\.id/],
  "an id that is empty": [scan({ id: "" }), null, /data\.id/],
  "an id that is too long": [scan({ id: "x".repeat(256) }), null, /data\.id/],
  "nesting that no event has": [scan({ metadata: { a: nested(600) } }), "scan_1", /nested deeper/],
  "nesting that JSON.stringify does not survive": [
    scan({ metadata: { a: nested(100_000) } }),
    "scan_1",
    /nested/
  ],
  "no object but null": [null, null, /data/],
  "no object but a text": ["scan_1", null, /data/],
  "nothing": [undefined, null, /./]
}

describe("a scan of 3QPR's list", () => {
  for (const [what, [data, id, reason]] of Object.entries(odd)) {
    it(`is unusable with ${what}, and the reason is reported`, () => {
      const judged = judge(data)
      assert.deepInclude(judged, { _tag: "Unusable", id })
      assert.match(judged._tag === "Unusable" ? judged.reason : "", reason)
    })
  }

  it("is an event with every field that 3QPR sent, including text that looks like an escape", () => {
    const data = scan({ more: { a: [1] }, city: "\\u0000 and \\\\ud800 😀", scanned_at: null })
    const judged = judge(data)
    assert.deepInclude(judged, {
      _tag: "Candidate",
      id: "scan_1",
      qprCodeId: scanOfTheReference.qpr_code_id,
      scannedAt: undefined
    })
    const reading = judged._tag === "Candidate" ? decodeDelivery(Buffer.from(judged.event.body)) : undefined
    assert.deepInclude(reading, { _tag: "Event", id: "reconciled:scan_1", type: "scan.created", data })
  })
})

describe("a scan with text that Postgres refuses", () => {
  it("is an event like any other, with a distinct id", () => {
    const ids = ["scan\0", "scan\ud800", "scan\ud801"].map((id) => {
      const data = scan({ id, metadata: { a: "\udfff" } })
      const judged = judge(data)
      assert.deepInclude(judged, { _tag: "Candidate", id })
      const event = judged._tag === "Candidate" ? judged.event : undefined
      assert.deepInclude(decodeDelivery(Buffer.from(event?.body ?? [])), { _tag: "Event", data })
      return event?.id
    })
    assert.strictEqual(new Set(ids).size, 3)
  })
})

describe("a code of 3QPR's list", () => {
  const code = { id: "qpr_1", name: "Terrace", metadata: { floor: 1 }, scans_total: 5 }

  const listed = (data: object, state: string, sequence: number) => {
    const judged = judgeCode(data)
    if (judged._tag === "Unusable") throw new Error(judged.reason)
    return codeListed(judged, state, sequence)
  }

  it("becomes an entry with every field, of a type that 3QPR does not send", () => {
    const { body, id } = listed(code, "state", 7)
    assert.deepInclude(decodeDelivery(Buffer.from(body)), {
      _tag: "Event",
      id,
      type: "qpr_code.listed",
      data: code
    })
  })

  it("has the same id for the same change, and another id when an earlier state returns", () => {
    const { id } = listed(code, "state", 7)
    assert.strictEqual(listed({ ...code, scans_total: 6 }, "state", 7).id, id)
    assert.notStrictEqual(listed(code, "state", 9).id, id)
    assert.notStrictEqual(listed(code, "other", 7).id, id)
    assert.notStrictEqual(listed({ ...code, id: "qpr_2" }, "state", 7).id, id)
  })

  it("is unusable without an id", () => {
    assert.deepInclude(judgeCode({ ...code, id: null }), { _tag: "Unusable", id: null })
  })
})
