import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Predicate, Schema } from "effect"
import { decodeDelivery } from "../../../src/Domain/Decode.ts"
import { dataOf, decisive, type KnownType, knownTypes } from "../../../src/Domain/Event.ts"
import { EntityId } from "../../../src/Domain/Fields.ts"
import { fromStored } from "../../../src/Domain/StoredText.ts"
import { millisOf, pattern } from "../../../src/Domain/Timestamp.ts"
import { projections } from "../../../src/Projector/Projections.ts"
import { timestamp } from "../../../src/Projector/Projections/Columns.ts"
import { engines } from "../../support/Databases.ts"
import { delivered, given, rowsOf } from "../../support/Specification.ts"

const Anything = Schema.Union([
  Schema.String,
  Schema.Finite,
  Schema.Boolean,
  Schema.Array(Schema.Finite),
  Schema.Record(Schema.String, Schema.String),
  Schema.String.check(Schema.isPattern(/^x{190,210}$/)),
  Schema.Literals(["\0", "Z\ud800", "\udfff\0", "\ufffd\u{100000}", "\0".repeat(100), "\0".repeat(101)]),
  Schema.String.check(Schema.isPattern(/^2026-02-(28|29|30)T(10|24):00:(00|60)(Z|\+15:59|\+16:00)$/)),
  Schema.Literals([2 ** 31 - 1, 2 ** 31, 1e21, 1e308, -1, 0.5, 6])
])

const fieldsOf = (type: KnownType) => ({ ...dataOf[type].fields, id: EntityId })

/** Data whose decisive fields are valid, while any other field may have any value. */
const misfits = (type: KnownType) =>
  Schema.Struct(
    Object.fromEntries(
      Object.entries(fieldsOf(type)).map(([name, field]) => [
        name,
        decisive[type].includes(name) ? field : Schema.Union([field, Schema.optional(Anything)])
      ])
    )
  )

const some = <S extends Schema.Constraint>(schema: S) =>
  Arbitrary.array(Arbitrary.schema(schema), { minLength: 15, maxLength: 25 })

const inputs = Object.fromEntries(
  knownTypes.flatMap((
    type
  ) => [[type, some(Schema.Struct(fieldsOf(type)))], [`${type} with misfits`, some(misfits(type))]])
)

const eventsOf = (type: KnownType, data: unknown) =>
  Array.isArray(data)
    ? data.flatMap((one, at) => {
      const event = delivered(at + 1, `evt_${at + 1}`, type, JSON.stringify(one))
      const reading = decodeDelivery(event.event.body)
      return reading._tag === "Event" ? [{ event, data: reading.data }] : []
    })
    : []

for (const engine of engines) {
  layer(engine.layer, { excludeTestServices: true })(
    `input that the schemas accept, as ${engine.name} stores it:`,
    (it) => {
      it.effect.prop(
        "rows, indexes and counters, with null where a field does not fit",
        inputs,
        (input) =>
          Effect.forEach(Object.entries(input), ([name, data]) =>
            Effect.gen(function*() {
              const type = knownTypes.find((type) => name.startsWith(type))
              const projection = projections.find(({ types }) => type !== undefined && types.includes(type))
              if (type === undefined || projection === undefined) return assert.fail(name)
              const events = eventsOf(type, data)
              assert.isAbove(events.length, 0, "some events")
              for (const how of ["when", "whenRebuilt"] as const) {
                const target = yield* given(projection)
                yield* target[how](events.map(({ event }) => event))
                const rows = yield* rowsOf(`select * from ${projection.name}`)
                assert.isAbove(rows.length, 0)
                for (const row of rows) {
                  const found = events.find(({ event }) => event.event.id === row["event_id"])
                  for (const field of Object.keys(dataOf[type].fields).filter((field) => field in row)) {
                    if (field === "id" || /^(scanned|completed|created|occurred)_at$/.test(field)) continue
                    const value = Predicate.isObject(found?.data) ? Reflect.get(found.data, field) : undefined
                    assert.strictEqual(
                      row[field] === null,
                      value === null || value === undefined,
                      `${field} of ${String(row["id"])}`
                    )
                    const shown = row[field]
                    if (typeof value === "string" && typeof shown === "string" && !field.endsWith("_at")) {
                      assert.strictEqual(fromStored(shown), value, field)
                    }
                  }
                }
              }
            }), { discard: true }),
        { arbitrary: { runs: 2 }, timeout: 60_000 }
      )

      it.effect.prop("every timestamp, as JavaScript reads it", {
        texts: Arbitrary.array(Arbitrary.schema(Schema.String.check(Schema.isPattern(new RegExp(pattern)))), {
          minLength: 200,
          maxLength: 300
        })
      }, ({ texts }) =>
        Effect.gen(function*() {
          const rows = yield* rowsOf(
            `select text from unnest(array[${texts.map((text) => `'${text}'`).join(", ")}],
              array[${texts.map(millisOf).join(", ")}]::bigint[]) as row (text, millis)
            where text !~ '${pattern}' or abs(extract(epoch from ${timestamp("text")}) * 1000 - millis) > 1`
          )
          assert.deepStrictEqual(rows, [])
        }), { arbitrary: { runs: 2 }, timeout: 60_000 })
    }
  )
}
