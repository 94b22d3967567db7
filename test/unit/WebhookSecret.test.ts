import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import { isActive, parse } from "../../src/WebhookSecret/Secret.ts"

const read = (text: string) => {
  const secret = parse(text)
  return secret && { value: Redacted.value(secret.value), until: secret.until }
}

describe("a webhook secret", () => {
  it.each([
    "whsec_x",
    "a",
    ";",
    "until=2026-12-01",
    "a;b",
    "a=b;c=d;",
    "with, commas and spaces",
    "§ übel 🔑",
    `"quoted"`
  ])("is the text as it stands: %s", (text) => {
    assert.deepStrictEqual(read(text), { value: text, until: undefined })
  })

  it.each([
    ["whsec_x;until=2026-12-01T00:00:00Z", "whsec_x", "2026-12-01T00:00:00.000Z"],
    ["whsec_x;until=2026-12-01T01:30+01:00", "whsec_x", "2026-12-01T00:30:00.000Z"],
    ["whsec_x;until=2026-12-01", "whsec_x", "2026-12-01T00:00:00.000Z"],
    ["a;b=c;until=2026-12-01T00:00:00.5Z", "a;b=c", "2026-12-01T00:00:00.500Z"],
    ["whsec_x; until=2026-12-01T00:00:00Z", "whsec_x", "2026-12-01T00:00:00.000Z"],
    ["whsec_x ; Until = 2026-12-01", "whsec_x", "2026-12-01T00:00:00.000Z"]
  ])("may have an end: %s", (text, value, until) => {
    assert.deepStrictEqual(read(text), { value, until: Date.parse(until) })
  })

  it.each([
    "",
    "  ",
    ";until=2026-12-01T00:00:00Z",
    "x;until=",
    "x;until=tomorrow",
    "x;until=2026-12-01T00:00:00",
    "x;until=2026-13-01",
    "x;until=2026-02-30",
    "x\u0000y",
    "x;until=1795000000"
  ])("is none without a text, or with an end that is no time of a stated zone: %s", (text) => {
    assert.isUndefined(read(text))
  })

  it("ends at its time", () => {
    const secret = parse("x;until=1970-01-01T00:00:01Z")
    assert.isTrue(secret && isActive(secret, 999))
    assert.isFalse(secret && isActive(secret, 1_000))
  })
})
