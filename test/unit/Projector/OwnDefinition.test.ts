import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { decodeDelivery } from "../../../src/Domain/Decode.ts"
import { knownTypes } from "../../../src/Domain/Event.ts"
import { faultsOf } from "../../../src/Projector/Own/Check.ts"
import { load } from "../../../src/Projector/Own/Load.ts"
import { projection, ProjectionInvalid } from "../../../src/Projector/Own/Projection.ts"
import { samplesOf } from "../../../src/Projector/Own/Samples.ts"
import { hashOf } from "../../../src/Projector/Own/Statements.ts"

const countries = {
  name: "countries",
  version: 1,
  types: ["scan.created"],
  key: ["country"],
  columns: { country: "text", scans: "bigint" },
  row: { country: "data->>'country'" },
  add: { scans: "1" }
} as const

const bySql = (apply: unknown) => ({ ...countries, row: undefined, add: undefined, apply })

const faults: ReadonlyArray<readonly [what: string, definition: unknown, fault: RegExp]> = [
  ["no object", "countries", /^It is "countries"; allowed is an object with name, version/],
  ["an unknown field", { ...countries, collumns: {} }, /no field collumns\. Is columns meant\?/],
  ["a missing key", { ...countries, key: [] }, /^key is \[\]; allowed is a list of columns, at least one/],
  [
    "a key that is no column",
    { ...countries, key: ["counry"] },
    /key names the column "counry".*Is country meant/
  ],
  [
    "a name with a capital",
    { ...countries, name: "Countries" },
    /^name is "Countries"; allowed is 1 to 40 lower-case/
  ],
  ["a name like a table of a generation", { ...countries, name: "countries_2" }, /^name is "countries_2"/],
  ["a name like a record of ids", { ...countries, name: "scans_applied" }, /^name is "scans_applied"/],
  ["a version of 0", { ...countries, version: 0 }, /^version is 0; allowed is a whole number from 1/],
  ["no type", { ...countries, types: [] }, /^types is \[\]/],
  ["a type with a wildcard", { ...countries, types: ["scan.>"] }, /^types is \["scan.>"\]/],
  ["a standard column", {
    ...countries,
    columns: { ...countries.columns, sequence: "bigint" },
    row: { ...countries.row, sequence: "1" }
  }, /^columns has sequence, which every read model has/],
  [
    "a type with a default",
    { ...countries, columns: { country: "text", scans: "bigint default 0; drop" } },
    /^columns is/
  ],
  [
    "a column without an expression",
    { ...countries, add: undefined },
    /^The column scans is neither in row nor in add/
  ],
  [
    "a column with two expressions",
    { ...countries, row: { country: "1", scans: "2" } },
    /^The column scans is in row and in add/
  ],
  ["a key that is added up", { ...countries, key: ["scans"] }, /^add has scans, which is in key/],
  ["neither row nor apply", bySql(undefined), /^It has neither row nor apply/],
  ["row and apply", { ...countries, apply: () => "" }, /^It has apply, and row or add/],
  ["a filter that is no column", { ...countries, filters: ["city"] }, /^filters names the column "city"/],
  [
    "rows about another entity",
    { ...countries, rows: { entity: "qpr_code", id: "country" } },
    /each row is about one qpr_code, and "scan.created"/
  ],
  [
    "an id that is no text",
    { ...countries, rows: { entity: "scan", id: "scans" } },
    /rows names the column scans of type bigint; allowed is text/
  ]
]

describe("the definition of a read model", () => {
  it("has no fault when every field is allowed", () => {
    assert.deepStrictEqual(faultsOf(countries), [])
    assert.deepStrictEqual(faultsOf(bySql(() => "")), [])
  })

  it.each(faults)("is refused with %s", (_, definition, fault) => {
    assert.match(faultsOf(definition).join("\n"), fault)
  })

  it("throws every fault with the name of the read model", () => {
    assert.throws(
      () => projection({ ...countries, version: 0.5, key: [] }),
      ProjectionInvalid,
      /The read model countries: version is 0.5.*\nThe read model countries: key is \[\]/s
    )
  })

  it("keeps its hash when only indentation and filters change, and changes it with the SQL", () => {
    const hash = (sql: string, more = {}) =>
      hashOf({ ...bySql(() => sql), ...more } as Parameters<typeof hashOf>[0])
    assert.strictEqual(hash("select 1\n  from a"), hash("\n    select 1\nfrom a\n", { filters: ["country"] }))
    assert.notStrictEqual(hash("select 1"), hash("select 2"))
    assert.notStrictEqual(
      hash("select 1"),
      hash("select 1", { columns: { country: "text", scans: "integer" } })
    )
  })

  it("is tried with events that the schemas of their types accept", () => {
    const samples = samplesOf(knownTypes)
    assert.lengthOf(samples, 3 * knownTypes.length)
    for (const { json } of samples) assert.strictEqual(decodeDelivery(Buffer.from(json))._tag, "Event", json)
    assert.lengthOf(samplesOf(["menu.opened"]), 0)
  })
})

/** The message with which a file of this content is refused. */
const refusal = Effect.fnUntraced(function*(content: string, name = "models.ts") {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "threeqpr-models-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )
  const file = join(folder, name)
  writeFileSync(file, content)
  const { message } = yield* Effect.flip(load(file))
  return message.replaceAll(`${folder}/`, "")
})

const text = (change = {}) => JSON.stringify({ ...countries, ...change })

describe("a file of read models", () => {
  it.effect("gives the projections of each exported object and list, once each", () =>
    Effect.gen(function*() {
      const folder = mkdtempSync(join(tmpdir(), "threeqpr-models-"))
      writeFileSync(
        join(folder, "models.ts"),
        `const one: object = ${text()}\nexport default [one]\nexport { one }\nexport const two = ${
          text({ name: "two" })
        }
         export const helper = (text: string) => text`
      )
      const own = yield* load(join(folder, "models.ts"))
      rmSync(folder, { recursive: true })
      assert.sameMembers(own.map(({ name }) => name), ["countries", "two"])
      assert.strictEqual(
        own.find(({ name }) => name === "two")?.own?.origin.place.replace(/.*\//, ""),
        "models.ts:4"
      )
    }))

  it.effect("is refused with the file and the line when a definition is wrong", () =>
    Effect.gen(function*() {
      const wrong = `export const a = 1\nexport default {\n  name: "wrong",\n  version: 1 }`
      assert.match(yield* refusal(wrong), /^models\.ts:3: types is undefined/)
    }))

  it.effect("is refused when it cannot be read or loaded, or exports none", () =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(load("/nowhere/models.ts"))
      assert.match(message, /^PROJECTIONS names \/nowhere\/models\.ts, which cannot be read: ENOENT/)
      assert.match(yield* refusal("export default 1"), /^models\.ts exports no read model/)
      assert.match(
        yield* refusal("\n\nthrow new Error('no such table')"),
        /cannot be loaded: no such table \(models\.ts:3\)/
      )
    }))

  it.effect("is refused when a name is used twice or by a built-in read model", () =>
    Effect.gen(function*() {
      assert.match(
        yield* refusal(`export default [${text()}, ${text({ version: 2 })}]`),
        /models\.ts:1: the name countries is used by models\.ts:1/
      )
      for (const name of ["scans", "scan_days", "scan_counts"]) {
        assert.match(
          yield* refusal(`export default ${text({ name })}`),
          new RegExp(`the name ${name} is used by the built-in read model scans`)
        )
      }
    }))

  it.effect("is refused when apply throws, gives no SQL, other SQL each time, or uses no events", () =>
    Effect.gen(function*() {
      const applied = (apply: string) => {
        const { add: _, row: __, ...rest } = countries
        return refusal(`export default { ...${JSON.stringify(rest)}, apply: ${apply} }`)
      }
      assert.match(yield* applied("() => { throw new Error('why') }"), /apply fails: why/)
      assert.match(yield* applied("() => 1"), /apply returns no SQL/)
      assert.match(
        yield* applied(
          "({ table, events }) => `insert into ${table} select ${Math.random()} from ${events}`"
        ),
        /apply returns another SQL each time/
      )
      assert.match(yield* applied("({ table }) => `delete from ${table}`"), /apply does not use events/)
    }))
})
