import { assert, describe, it } from "@effect/vitest"
import { filterOf } from "../../../src/EventLog/Subjects.ts"
import { projections } from "../../../src/Projector/Projections.ts"

describe("the subject that a projection consumes", () => {
  it("is no wider than its types require", () => {
    const filter = (...types: ReadonlyArray<string>) => filterOf({ types })
    assert.strictEqual(filter("scan.created"), "3qpr.events.scan.created")
    assert.strictEqual(
      filter("subscription.upgraded", "subscription.cancelled"),
      "3qpr.events.subscription.>"
    )
    assert.strictEqual(filter("scan.created", "menu.opened"), "3qpr.events.>")
    assert.strictEqual(filter("a.b", "a.b.c"), "3qpr.events.a.>")
    assert.strictEqual(filter("a.b.c", "a.b"), "3qpr.events.a.>")
    assert.strictEqual(filter("a", "a.b"), "3qpr.events.>")
  })
})

describe("the projections of serve", () => {
  it("have distinct names, and the key columns of each table exist", () => {
    const names = projections.map(({ name }) => name)
    assert.strictEqual(new Set(names).size, names.length)
    for (const { tables } of projections) {
      for (const { columns, key } of Object.values(tables)) {
        for (const column of key) assert.match(columns, new RegExp(`^\\s+${column} `, "m"))
      }
    }
  })
})
