import { assert, describe, it } from "@effect/vitest"
import { waitAfter } from "../../../src/Provider/ThreeQpr/Quota.ts"

const clock = Date.parse("2026-03-20T12:00:00Z")
const usedUp = (reset: string, more: Record<string, string> = {}) =>
  waitAfter(200, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset, ...more }, clock)

describe("the wait after an answer", () => {
  it("lasts until the reset when nothing remains: in epoch seconds, epoch ms or seconds from now", () => {
    assert.strictEqual(usedUp(String(clock / 1_000 + 7)), 7_000)
    assert.strictEqual(usedUp(String(clock + 7_500)), 7_500)
    assert.strictEqual(usedUp("7"), 7_000)
    assert.strictEqual(usedUp(String(clock / 1_000 - 7)), 0)
  })

  it("is absent when something remains, or when the reset cannot be parsed", () => {
    assert.isUndefined(
      waitAfter(200, { "x-ratelimit-remaining": "1", "x-ratelimit-reset": "7" }, clock)
    )
    assert.isUndefined(waitAfter(200, {}, clock))
    assert.isUndefined(usedUp("soon"))
    assert.isUndefined(waitAfter(200, { "x-ratelimit-remaining": "0" }, clock))
  })

  it("is that of Retry-After on 429 and 503, in seconds or as a date, whatever the reset", () => {
    const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "60" }
    assert.strictEqual(waitAfter(429, { ...headers, "retry-after": "3" }, clock), 3_000)
    assert.strictEqual(waitAfter(503, { "retry-after": "0" }, clock), 0)
    const date = "Fri, 20 Mar 2026 12:00:09 GMT"
    assert.strictEqual(waitAfter(429, { ...headers, "retry-after": date }, clock), 9_000)
    assert.strictEqual(waitAfter(200, { "retry-after": "3" }, clock), undefined)
    assert.strictEqual(waitAfter(429, { ...headers, "retry-after": "later" }, clock), 60_000)
  })

  it("counts from the answer's own Date, so that a wrong local clock has no effect", () => {
    const date = "Fri, 20 Mar 2026 09:00:00 GMT"
    assert.strictEqual(usedUp(String(Date.parse(date) / 1_000 + 7), { date }), 7_000)
    assert.strictEqual(
      waitAfter(429, { date, "retry-after": "Fri, 20 Mar 2026 09:00:04 GMT" }, clock),
      4_000
    )
  })

  it("is at most an hour, so that an implausible value does not stop all requests", () => {
    for (const reset of ["99999999999999999999", String(clock + 3_600_001), "1".repeat(400)]) {
      assert.isUndefined(usedUp(reset))
      assert.isUndefined(waitAfter(429, { "x-ratelimit-reset": reset }, clock))
    }
    for (const after of ["99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "3601"]) {
      assert.strictEqual(waitAfter(503, { "retry-after": after }, clock), 3_600_000)
    }
    assert.isUndefined(usedUp(String(clock / 1_000 + 7), { date: "Thu, 01 Jan 1970 00:00:00 GMT" }))
  })

  it("lasts until the reset when zero or less remains, and is absent for anything else", () => {
    for (const remaining of ["-3", " 0 ", "0.0"]) {
      const headers = { "x-ratelimit-remaining": remaining, "x-ratelimit-reset": "7" }
      assert.strictEqual(waitAfter(200, headers, clock), 7_000)
    }
    for (const remaining of ["", "none", "0x", "10", "0.5"]) {
      const headers = { "x-ratelimit-remaining": remaining, "x-ratelimit-reset": "7" }
      assert.isUndefined(waitAfter(200, headers, clock))
    }
  })
})
