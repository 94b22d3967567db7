import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { parseStored, storable } from "../../../src/Domain/ExactJson.ts"
import { Key } from "../../../src/Domain/Fields.ts"
import { fromStored, toStored } from "../../../src/Domain/StoredText.ts"

const nul = "\u{100000}"
const half = "\u{10d800}"

/** Texts of characters that need a stand-in, or that look like one. */
const odd = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.schema(
      Schema.Literals([
        "\0",
        "\ud800",
        "\udfff",
        "\udbc0",
        "\udc00",
        "\ufffd",
        nul,
        half,
        "a",
        "😀",
        "\"",
        "\\"
      ])
    ),
    { maxLength: 12 }
  ),
  (parts) => parts.join("")
)

/** The same JSON with all characters escaped that are not ASCII. */
const escaped = (json: string) =>
  json.replaceAll(
    /[^\0-~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0").toUpperCase()}`
  )

describe("a stored text", () => {
  it("has U+FFFD and a character that encodes the original instead of what Postgres refuses", () => {
    assert.strictEqual(toStored("Z\0rich"), `Z\ufffd${nul}rich`)
    assert.strictEqual(toStored("a\ud800"), `a\ufffd${half}`)
    assert.strictEqual(toStored("\udfff"), "\ufffd\u{10dfff}")
  })

  it("is the text itself, unless Postgres refuses the text or it looks like an encoded one", () => {
    for (
      const text of ["", "Zürich", "😀", "\ufffd", "a\ufffd\ufffdb", nul, `x${half}`, "\\u0000", "\ufffd😀"]
    ) {
      assert.strictEqual(toStored(text), text)
      assert.strictEqual(fromStored(text), text)
    }
    assert.strictEqual(toStored(`\ufffd${nul}`), `\ufffd\ufffd${nul}`)
    assert.strictEqual(toStored("\ufffd\0"), `\ufffd\ufffd\ufffd${nul}`)
  })

  it.prop("is accepted by Postgres and decodes to the original text", { text: odd }, ({ text }) => {
    const stored = toStored(text)
    assert.isTrue(stored.isWellFormed() && !stored.includes("\0"), JSON.stringify(stored))
    assert.strictEqual(fromStored(stored), text)
  })

  it.prop("differs for different texts", { one: odd, other: odd }, ({ one, other }) => {
    assert.strictEqual(toStored(one) === toStored(other), one === other)
  })

  it("is encoded and decoded in linear time", () => {
    const started = performance.now()
    for (const long of ["\ufffd".repeat(200_000), `${"\ufffd".repeat(100_000)}\0`, "\0".repeat(100_000)]) {
      assert.strictEqual(fromStored(toStored(long)), long)
    }
    const json = `["${"\\\"".repeat(100_000)}\\u0000"]`
    assert.deepStrictEqual(parseStored(storable(json)), JSON.parse(json))
    assert.isBelow(performance.now() - started, 3_000)
  })
})

describe("stored JSON", () => {
  it.prop(
    "decodes to the original keys and texts, whether they were escaped or not",
    { key: odd, text: odd },
    ({ key, text }) => {
      const value = { [`k${key}`]: [text, { a: text }], n: 1 }
      const json = JSON.stringify(value)
      for (const written of [json, escaped(json)]) {
        const stored = storable(written)
        assert.isFalse(
          /\\u(?:0000|d[89a-f])/i.test(stored) && !JSON.stringify(JSON.parse(stored)).isWellFormed()
        )
        assert.notInclude(JSON.stringify(JSON.parse(stored)), "\\u0000")
        assert.deepStrictEqual(parseStored(stored), value)
      }
    }
  )

  it("keeps numbers exact beside encoded texts", () => {
    const json = "{\"a\":12345678901234567890,\"b\":\"\\u0000\",\"c\":1e2000}"
    assert.strictEqual(storable(json), `{"a":12345678901234567890,"b":"\ufffd${nul}","c":"1e2000"}`)
    assert.strictEqual(
      JSON.stringify(parseStored(storable(json))),
      "{\"a\":12345678901234567890,\"b\":\"\\u0000\",\"c\":\"1e2000\"}"
    )
  })
})

it("a key's length limit applies to its stored form, which an index holds", () => {
  const isKey = Schema.is(Key)
  assert.isTrue(isKey("\0".repeat(100)))
  assert.isFalse(isKey("\0".repeat(101)))
  assert.isTrue(isKey("😀".repeat(200)))
  assert.isFalse(isKey("x".repeat(201)))
})
