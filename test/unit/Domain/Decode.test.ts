import { assert, describe, it } from "@effect/vitest"
import { Buffer } from "node:buffer"
import { decodeDelivery, type Reading } from "../../../src/Domain/Decode.ts"
import { millisOf } from "../../../src/Domain/Timestamp.ts"
import { scanOfTheReference as scan } from "../../support/Webhook.ts"

const json = (value: unknown): Reading => decodeDelivery(Buffer.from(JSON.stringify(value)))

const reasonOf = (reading: Reading) => reading._tag === "Unusable" ? reading.reason : undefined

describe("decoding a signed body", () => {
  it.each([
    ["scan.created", scan],
    ["scan.created", { id: "scan_1" }],
    ["conversation.completed", { id: "conv_1", messages: [{ role: "user" }] }],
    ["conversation.completed", { conversation_id: "conv_1" }],
    ["qpr_code.created", { id: "qpr_1", name: "Table 4" }],
    ["subscription.upgraded", { id: "sub_1", plan: "pro" }],
    ["subscription.cancelled", { id: "sub_1" }]
  ])("accepts %s with data %o", (event, data) => {
    assert.deepStrictEqual(
      json({ id: "evt_1", event, data }),
      {
        _tag: "Event",
        id: "evt_1",
        type: event,
        data,
        text: JSON.stringify({ id: "evt_1", event, data })
      } as Reading
    )
  })

  it("accepts an unknown type, with any data or none", () => {
    for (const data of [{ a: 1 }, [1], "text", null, undefined]) {
      const reading = json({ id: "evt_1", event: "invoice.paid_2", data })
      assert.strictEqual(reading._tag, "Event")
    }
  })

  it("keeps unknown fields", () => {
    const reading = json({
      id: "evt_1",
      event: "scan.created",
      data: { ...scan, weather: { sun: true } },
      more: 1
    })
    assert.deepStrictEqual(reading._tag === "Event" && reading.data, { ...scan, weather: { sun: true } })
  })

  it("treats null as absent in every optional field", () => {
    const nulls = Object.fromEntries(Object.keys(scan).map((key) => [key, null]))
    assert.strictEqual(
      json({ id: "e", event: "scan.created", data: { ...nulls, id: "scan_1" } })._tag,
      "Event"
    )
  })

  it.each([
    ["no JSON", "scan", "invalid_json"],
    ["an empty body", "", "invalid_json"],
    ["two values", "{}{}", "invalid_json"],
    ["an array", "[]", "invalid_envelope"],
    ["null", "null", "invalid_envelope"],
    ["no id", `{"event":"scan.created","data":{"id":"scan_1"}}`, "invalid_envelope"],
    ["an id that is null", `{"id":null,"event":"x"}`, "invalid_envelope"],
    ["an id that is a number", `{"id":7,"event":"x"}`, "invalid_envelope"],
    ["an empty id", `{"id":"","event":"x"}`, "invalid_envelope"],
    ["an id with a space", `{"id":"evt 1","event":"x"}`, "invalid_envelope"],
    ["an id with a line end", `{"id":"evt\\r\\n1","event":"x"}`, "invalid_envelope"],
    ["an id that is not ASCII", `{"id":"évt","event":"x"}`, "invalid_envelope"],
    ["an id of 201 characters", `{"id":"${"i".repeat(201)}","event":"x"}`, "invalid_envelope"],
    ["no type", `{"id":"evt_1"}`, "invalid_envelope"],
    ["a type with a wildcard", `{"id":"evt_1","event":"scan.*"}`, "invalid_envelope"],
    ["a type with an empty word", `{"id":"evt_1","event":"scan..created"}`, "invalid_envelope"],
    ["a scan without data", `{"id":"evt_1","event":"scan.created"}`, "invalid_data"],
    ["a scan without id", `{"id":"evt_1","event":"scan.created","data":{}}`, "invalid_data"],
    ["a scan with an empty id", `{"id":"evt_1","event":"scan.created","data":{"id":""}}`, "invalid_data"],
    [
      "a scan on the 32nd",
      `{"id":"evt_1","event":"scan.created","data":{"id":"s","scanned_at":"2026-03-32T00:00:00Z"}}`,
      "invalid_data"
    ],
    ["a scan whose id is a number", `{"id":"e","event":"scan.created","data":{"id":7}}`, "invalid_data"],
    [
      "a conversation with one of two ids that does not fit",
      `{"id":"e","event":"conversation.completed","data":{"id":7,"conversation_id":"c"}}`,
      "invalid_data"
    ],
    [
      "a conversation without a key",
      `{"id":"evt_1","event":"conversation.completed","data":{}}`,
      "invalid_data"
    ]
  ])("quarantines %s", (_, body, reason) => {
    assert.strictEqual(reasonOf(decodeDelivery(Buffer.from(body))), reason)
  })

  it.each([
    "2026-02-30T10:00:00Z",
    "2026-04-31T10:00:00Z",
    "2025-02-29T10:00:00Z",
    "0000-01-01T00:00:00Z",
    "2026-03-20T10:00:00+16:00",
    "2026-03-20T25:00:00Z",
    "2026-03-20T10:00:61Z",
    "2026-03-20T10:00:00"
  ])("quarantines a scan at %s", (at) => {
    assert.strictEqual(
      reasonOf(json({ id: "e", event: "scan.created", data: { id: "s", scanned_at: at } })),
      "invalid_data"
    )
  })

  it.each([
    "2016-12-31T23:59:60Z",
    "2016-12-31t23:59:60.5z",
    "2026-03-20 15:30:00Z",
    "2026-03-20T15:30Z",
    "2024-02-29T00:00:00-00:00",
    "2026-03-20T15:30:00.123456789+0530",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.9999999Z",
    "9999-12-31T23:59:59-05:00"
  ])("accepts a scan at %s", (at) => {
    assert.strictEqual(
      json({ id: "e", event: "scan.created", data: { id: "s", scanned_at: at } })._tag,
      "Event"
    )
    assert.isFalse(Number.isNaN(millisOf(at)))
  })

  it("reads a timestamp to the millisecond, and a leap second as the second before it", () => {
    const iso = (text: string) => new Date(millisOf(text)).toISOString()
    assert.strictEqual(iso("2016-12-31T23:59:60Z"), "2016-12-31T23:59:59.000Z")
    assert.strictEqual(iso("2016-12-31 23:59:60.25-01:30"), "2017-01-01T01:29:59.250Z")
    assert.strictEqual(iso("2026-03-20t24:00+0200"), "2026-03-20T22:00:00.000Z")
    assert.isTrue(Number.isNaN(millisOf("2026-02-30T10:00:00Z")))
  })

  it("accepts an integer that is written as a float", () => {
    const reading = decodeDelivery(
      Buffer.from(`{"id":"e","event":"scan.created","data":{"id":"s","conversation_messages":6.0}}`)
    )
    assert.deepStrictEqual(reading._tag === "Event" && reading.data, { id: "s", conversation_messages: 6 })
  })

  it.each([
    ["scan.created", "conversation_messages", 1.5],
    ["scan.created", "conversation_messages", 2 ** 31],
    ["scan.created", "conversation_started", "yes"],
    ["scan.created", "country", 41],
    ["scan.created", "device", "d".repeat(201)],
    ["scan.created", "metadata", []],
    ["conversation.completed", "started_at", "2026-02-30T10:00:00Z"],
    ["qpr_code.created", "updated_at", "yesterday"],
    ["subscription.upgraded", "plan", { name: "pro" }]
  ])("reads null in %s where %s is %j, and keeps the original text", (event, field, value) => {
    const reading = json({ id: "e", event, data: { id: "x", [field]: value, more: 1 } })
    assert.deepStrictEqual(reading._tag === "Event" && reading.data, { id: "x", [field]: null, more: 1 })
    assert.include(reading._tag === "Event" && reading.text, JSON.stringify(value))
  })

  it("accepts a key of 200 characters, however many bytes they need", () => {
    const data = { id: "s", country: "c".repeat(200), device: "😀".repeat(200) }
    const reading = json({ id: "e", event: "scan.created", data })
    assert.deepStrictEqual(reading._tag === "Event" && reading.data, data)
  })

  it("quarantines bytes that are not UTF-8 instead of changing them", () => {
    assert.strictEqual(reasonOf(decodeDelivery(Buffer.from([0x22, 0xff, 0x22]))), "invalid_json")
  })

  it("accepts ids of 1 and of 200 characters", () => {
    for (const id of ["!", "~".repeat(200)]) assert.strictEqual(json({ id, event: "x" })._tag, "Event")
  })

  it("keeps the usable id and type of an event whose data is wrong", () => {
    const reading = json({ id: "evt_1", event: "scan.created", data: { country: "US" } })
    assert.strictEqual(reading._tag, "Unusable")
    if (reading._tag !== "Unusable") return
    assert.deepStrictEqual([reading.id, reading.type], ["evt_1", "scan.created"])
    assert.deepInclude(reading.problems, { path: "data.id", message: "Missing key" })
  })

  it("takes 500 levels of nesting and quarantines 501, not counting brackets in texts", () => {
    const nested = (levels: number) =>
      decodeDelivery(
        Buffer.from(
          `{"id":"evt_1","event":"x","text":"[\\"[${"[".repeat(600)}","data":${"[".repeat(levels - 1)}${
            "]".repeat(levels - 1)
          }}`
        )
      )
    assert.strictEqual(nested(500)._tag, "Event")
    assert.strictEqual(reasonOf(nested(501)), "invalid_json")
  })

  it("survives 500,000 nested arrays, duplicate keys and __proto__", () => {
    assert.isDefined(decodeDelivery(Buffer.from("[".repeat(500_000) + "]".repeat(500_000))))
    const reading = decodeDelivery(
      Buffer.from(`{"id":"evt_1","id":"evt_2","event":"x","__proto__":{"id":"evt_3"}}`)
    )
    assert.strictEqual(reading.id, "evt_2" as never)
    assert.isUndefined(({} as Record<string, unknown>)["id"])
  })
})
