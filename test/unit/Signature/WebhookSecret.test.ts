import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import { isActive, parse } from "../../../src/Domain/Secret.ts"

const whole = "whsec_of_the_tests"

const read = (text: string) => {
  const secret = parse(text)
  return secret && { value: Redacted.value(secret.value), until: secret.until }
}

describe("a webhook secret", () => {
  it.each([
    "whsec_of_the_tests",
    "aaaaaaaaaaaaaaaa",
    ";;;;;;;;;;;;;;;;",
    "until=2026-12-01",
    "aaaaaaa;bbbbbbbb",
    "a=b;c=d;e=f;g=h;",
    "with, commas and spaces",
    "§ übel und lang 🔑",
    `"quoted and long"`
  ])("is the text itself: %s", (text) => {
    assert.deepStrictEqual(read(text), { value: text, until: undefined })
  })

  it.each([
    [";until=2026-12-01T00:00:00Z", "2026-12-01T00:00:00.000Z"],
    [";until=2026-12-01T01:30+01:00", "2026-12-01T00:30:00.000Z"],
    [";until=2026-12-01", "2026-12-01T00:00:00.000Z"],
    [";b=c;until=2026-12-01T00:00:00.5Z", "2026-12-01T00:00:00.500Z"],
    ["; until=2026-12-01T00:00:00Z", "2026-12-01T00:00:00.000Z"],
    [" ; Until = 2026-12-01", "2026-12-01T00:00:00.000Z"]
  ])("may have an end: %s", (end, until) => {
    const value = end.startsWith(";b=c") ? `${whole};b=c` : whole
    assert.deepStrictEqual(read(`${whole}${end}`), { value, until: Date.parse(until) })
  })

  it.each([
    "",
    "  ",
    ";until=2026-12-01T00:00:00Z",
    `${whole};until=`,
    `${whole};until=tomorrow`,
    `${whole};until=2026-12-01T00:00:00`,
    `${whole};until=2026-13-01`,
    `${whole};until=2026-02-30`,
    `${whole}\u0000y`,
    `${whole};until=1795000000`
  ])("is invalid without a text, or with an end that is not a time with a zone: %s", (text) => {
    assert.isUndefined(read(text))
  })

  it("has at least 16 characters, without its end", () => {
    assert.isUndefined(read(whole.slice(0, 15)))
    assert.isUndefined(read(`${whole.slice(0, 15)};until=2026-12-01`))
    assert.isUndefined(read(`${whole.slice(0, 15)} `))
    assert.isDefined(read(whole.slice(0, 16)))
  })

  it("ends at its time", () => {
    const secret = parse(`${whole};until=1970-01-01T00:00:01Z`)
    assert.isTrue(secret && isActive(secret, 999))
    assert.isFalse(secret && isActive(secret, 1_000))
  })
})
