import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { apply, parse } from "../../../src/Cli/Trigger/Override.ts"

const event = () => ({
  id: "evt_1",
  event: "scan.created",
  data: { id: "scan_1", country: "US", metadata: {}, tags: ["a", "b"] }
})

const applied = (...texts: ReadonlyArray<string>) => {
  let changed: unknown = event()
  for (const text of texts) {
    const override = parse(text)
    assert.isDefined(override, text)
    const result = apply(changed, override)
    if (Result.isFailure(result)) throw new Error(result.failure)
    changed = result.success
  }
  return JSON.stringify(changed)
}

const failure = (text: string) => {
  const override = parse(text)
  const result = override && apply(event(), override)
  return result && Result.isFailure(result) ? result.failure : undefined
}

describe("an override", () => {
  it("is a path, `=` and a value; the first `=` ends the path", () => {
    assert.deepStrictEqual(parse("a.b=c=d"), { path: ["a", "b"], value: "c=d" })
    for (const text of ["", "a", "=1", "a..b=1", ".a=1", "a.=1"]) assert.isUndefined(parse(text), text)
  })

  it.each([
    ["id=1", 1],
    ["id=null", null],
    [`id={"a":[1]}`, { a: [1] }],
    [`id="1"`, "1"],
    ["id=CH", "CH"],
    ["id=", ""],
    ["id={broken", "{broken"]
  ])("has a value that is JSON if it parses, and otherwise a text: %s", (text, value) => {
    assert.deepStrictEqual(parse(text)?.value, value)
  })

  it("replaces one value and keeps the others", () => {
    assert.strictEqual(
      applied("data.country=CH", "id=evt_mine"),
      `{"id":"evt_mine","event":"scan.created","data":{"id":"scan_1","country":"CH","metadata":{},"tags":["a","b"]}}`
    )
  })

  it("addresses list elements by index, and appends at the end of a list", () => {
    assert.include(applied("data.tags.0=x", "data.tags.2=y"), `"tags":["x","b","y"]`)
    assert.strictEqual(
      failure("data.tags.3=x"),
      "data.tags.3 is not an index of a list of 2: use an index from 0 to 2"
    )
    assert.match(failure("data.tags.first=x") ?? "", /not an index of a list/)
  })

  it("creates missing objects and lists", () => {
    assert.include(applied("data.metadata.a.b.0.c=1"), `"metadata":{"a":{"b":[{"c":1}]}}`)
    assert.include(applied("data.metadata.2024=1"), `"metadata":{"2024":1}`)
  })

  it("refuses to set a field of a text", () => {
    assert.strictEqual(
      failure("data.country.code=CH"),
      `data.country is "US" and has no field "code": override data.country as a whole`
    )
  })

  it("never modifies a prototype: `__proto__` and `constructor` are ordinary fields", () => {
    const text = applied("data.__proto__.polluted=1", "data.constructor.prototype.polluted=1")
    assert.include(text, `"__proto__":{"polluted":1}`)
    assert.include(text, `"constructor":{"prototype":{"polluted":1}}`)
    assert.isUndefined(Reflect.get({}, "polluted"))
    assert.isUndefined(Reflect.get(Object, "polluted"))
  })
})
