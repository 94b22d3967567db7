// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Buffer } from "node:buffer"
import { bytes, duration, rate } from "../../../src/Dashboard/Format.js"
import { messages } from "../../../src/Dashboard/live/EventStream.js"
import { hex, indented } from "../../../src/Dashboard/Signed.js"
import { filled } from "../../../src/Dashboard/views/time/Steps.js"

const at = (date: string) => Date.parse(date) / 1_000

const counted = (date: string, scans: number) => ({ date, scans, conversations_completed: 1 })

describe("signed bytes in the dashboard", () => {
  it("are indented without any other change", () => {
    const text =
      `{"id":"a","n":12345678901234567890,"e":1.0e+2,"a":[],"o":{},"x":[1,{"q":"\\u0000, \\"{"}],"n":2}`
    const shown = indented(text) ?? ""
    assert.include(shown, `\n  "n": 12345678901234567890,\n`)
    assert.include(shown, `\n  "e": 1.0e+2,\n`)
    assert.include(shown, `\n  "a": [],\n  "o": {},\n`)
    assert.include(shown, `\n      "q": "\\u0000, \\"{"\n`)
    assert.strictEqual(shown.replaceAll(/\n */g, "").replaceAll(`": `, `":`), text)
  })

  it("are not shown as JSON when they are not JSON", () => {
    assert.isUndefined(indented("{} {}"))
    assert.isUndefined(indented(""))
  })

  it("are shown in hex with their offsets and printable characters", () => {
    assert.deepStrictEqual(hex(Buffer.from("0123456789abcdef\u0000ü")).split("\n"), [
      "00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef",
      "00000010  00 c3 bc                                         ..."
    ])
  })
})

describe("the time series in the dashboard", () => {
  it("has a point for each day of the period, and zero where there is no data", () => {
    const now = at("2026-03-20T15:30:00Z")
    const [times, scans, conversations] = filled([counted("2026-03-18", 7)], "7d", "day", now)
    assert.strictEqual(times.length, 8)
    assert.deepStrictEqual([times[0], times.at(-1)], [at("2026-03-13"), at("2026-03-20")])
    assert.deepStrictEqual(scans, [0, 0, 0, 0, 0, 7, 0, 0])
    assert.deepStrictEqual(conversations, [0, 0, 0, 0, 0, 1, 0, 0])
  })

  it("has weeks that begin on Monday, and begins with the first data point for the period `all`", () => {
    const [times, scans] = filled([counted("2026-03-02", 3)], "all", "week", at("2026-03-20T15:30:00Z"))
    assert.deepStrictEqual(times, [at("2026-03-02"), at("2026-03-09"), at("2026-03-16")])
    assert.deepStrictEqual(scans, [3, 0, 0])
  })

  it("omits the gaps if there would be too many points", () => {
    const [times] = filled([counted("1971-01-01T00:00:00Z", 1)], "all", "hour", at("2026-03-20T15:30:00Z"))
    assert.strictEqual(times.length, 1)
  })
})

describe("the live stream in the dashboard", () => {
  it("is parsed into messages, wherever the chunks are split", async () => {
    const sent = Buffer.from(
      `retry: 1000\n\nid: 7\nevent: entry\ndata: {"id":"ü"}\n\n: \n\nevent: status\r\ndata: 1\ndata: 2\r\n\r\nid: 8`
    )
    for (const length of [1, 2, 5, 1_000]) {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          for (let from = 0; from < sent.length; from += length) {
            controller.enqueue(sent.subarray(from, from + length))
          }
          controller.close()
        }
      })
      const found = []
      for await (const message of messages(body)) found.push(message)
      assert.deepStrictEqual(found.filter(({ data }) => data !== ""), [
        { event: "entry", id: "7", data: `{"id":"ü"}` },
        { event: "status", id: "", data: "1\n2" }
      ])
    }
  })
})

describe("numbers in the dashboard", () => {
  it("have suitable units", () => {
    assert.deepStrictEqual([0, 1_023, 1_024, 5_242_880].map(bytes), ["0 B", "1,023 B", "1.0 KiB", "5.0 MiB"])
    assert.deepStrictEqual([0, 59.9, 61, 3_600, 90_061].map(duration), [
      "0 s",
      "59 s",
      "1 min 1 s",
      "1 h",
      "1 d 1 h"
    ])
    assert.deepStrictEqual([0, 0.24, 12.34, 1_234].map(rate), ["0", "0.2", "12.3", "1,234"])
  })
})
