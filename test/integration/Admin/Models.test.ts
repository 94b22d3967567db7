import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { FetchHttpClient, HttpServer } from "effect/http"
import { SqlClient } from "effect/sql/SqlClient"
import * as Admin from "../../../src/Admin/Admin.ts"
import { AdminClient, explained } from "../../../src/Admin/Client.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { compile } from "../../../src/Projector/Own/Compile.ts"
import { Projections, projections } from "../../../src/Projector/Projections.ts"
import { install } from "../../../src/Projector/Tables.ts"
import { postgres } from "../../support/Databases.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { countries, visits } from "../../support/OwnModels.ts"
import { append, projectorOf, untilCount } from "../../support/Projecting.ts"
import { scanCreated } from "../../support/Webhook.ts"

const later = compile({ ...visits, name: "not_yet" })

const served = Layer.unwrap(
  Effect.map(
    HttpServer.HttpServer,
    ({ address }) => AdminClient.layer({ url: HttpServer.formatAddress(address) })
  )
).pipe(
  Layer.provide(FetchHttpClient.layer),
  Layer.provideMerge(
    Admin.layer({ host: "127.0.0.1", port: 0 }).pipe(
      Layer.provide(Layer.succeed(Projections, [...projections, compile(countries), compile(visits), later]))
    )
  ),
  Layer.provide(projectorOf(compile(countries), compile(visits))),
  Layer.provideMerge(Layer.mergeAll(consumersOnBroker, ProcessHealth.layer)),
  Layer.provideMerge(postgres.layer)
)

const models = Effect.map(AdminClient, ({ models }) => models)

layer(served, { excludeTestServices: true })("the private listener on read models of users", (it) => {
  it.effect("lists them with their columns, filters and state", () =>
    Effect.gen(function*() {
      const list = (yield* (yield* models).list()).models
      assert.deepStrictEqual(list.map(({ live_version, name }) => [name, live_version]), [
        ["countries", 1],
        ["visits", 1],
        ["not_yet", null]
      ])
      assert.deepInclude(list[0], {
        version: 1,
        types: ["scan.created"],
        key: ["country"],
        columns: { country: "text", scans: "bigint", last_scan: "timestamptz" },
        filters: ["country", "last_scan"]
      })
      const { projections } = yield* AdminClient
      const names = (yield* projections.list()).projections.map(({ name }) => name)
      assert.includeMembers(names, ["countries", "visits"])
    }))

  it.effect("gives their rows in pages, in the order of the key, and filtered", () =>
    Effect.gen(function*() {
      const cities = ["Bern", "Zurich", "Bern", "Basel", "\u0000"]
      for (const [at, city] of cities.entries()) {
        yield* append(`evt_${at}`, scanCreated(`evt_${at}`, { id: `scan_${at}`, city, country: "CH" }))
      }
      yield* untilCount("visits", cities.length)
      const { rows } = yield* models
      const seen: Array<unknown> = []
      for (let cursor: string | undefined | null; cursor !== null;) {
        const page = yield* rows({ params: { name: "visits" }, query: { limit: 2, cursor } })
        assert.strictEqual(page.limit, 2)
        seen.push(...page.rows.map(({ scan_id }) => scan_id))
        cursor = page.next_cursor
      }
      assert.deepStrictEqual(seen, ["scan_0", "scan_1", "scan_2", "scan_3", "scan_4"])
      const inBern = yield* rows({ params: { name: "visits" }, query: { "where.city": "Bern" } })
      assert.deepStrictEqual(inBern.rows.map(({ city, event_id }) => [city, event_id]), [["Bern", "evt_0"], [
        "Bern",
        "evt_2"
      ]])
      assert.isNull(inBern.next_cursor)
    }))

  it.effect("answers when a read model has finished the log up to a sequence, and not before", () =>
    Effect.gen(function*() {
      const { rows } = yield* models
      const { sequence } = yield* append("evt_w", scanCreated("evt_w", { id: "scan_w", city: "Waiting" }))
      const visit = { "where.city": "Waiting", wait_for: sequence }
      assert.lengthOf((yield* rows({ params: { name: "visits" }, query: visit })).rows, 1)
      const beyond = yield* Effect.flip(
        rows({ params: { name: "visits" }, query: { wait_for: sequence + 1 } })
      )
      assert.match(explained(beyond).message, new RegExp(`The log ends at sequence ${sequence}`))
      // An unknown read model would never finish.
      const unknown = yield* Effect.flip(
        rows({ params: { name: "nothing" }, query: { wait_for: sequence } })
      )
      assert.match(explained(unknown).message, /defines no read model nothing/)
    }))

  it.effect("removes one that no process defines, and refuses to remove others", () =>
    Effect.gen(function*() {
      const { projections } = yield* AdminClient
      const sql = yield* SqlClient
      const refused = yield* Effect.flip(projections.remove({ params: { name: "visits" } }))
      assert.match(
        explained(refused).message,
        /This process runs the read model visits\. Remove its definition/
      )
      yield* install(compile({ ...visits, name: "former" }), () => Effect.succeed("former-1"))
      yield* sql`create view mine as select city from former`
      const kept = yield* Effect.flip(projections.remove({ params: { name: "former" } }))
      assert.match(explained(kept).message, /Something depends on the view of former: .*mine/)
      yield* sql`drop view mine`
      assert.deepStrictEqual(yield* projections.remove({ params: { name: "former" } }), { removed: "former" })
      const gone = yield* Effect.flip(projections.remove({ params: { name: "former" } }))
      assert.match(explained(gone).message, /There is no projection former/)
    }))

  it.effect("refuses unknown models, filters that are not declared, values that do not fit, and foreign cursors", () =>
    Effect.gen(function*() {
      const { rows } = yield* models
      const fault = (name: string, query = {}) =>
        Effect.map(
          Effect.flip(rows({ params: { name }, query })),
          (error) => "detail" in error ? error.detail : error.message
        )
      assert.match(
        yield* fault("scans") ?? "",
        /defines no read model scans in this process\. There are: countries, visits/
      )
      assert.match(
        yield* fault("not_yet") ?? "",
        /not_yet is not installed yet: no process with the role projector/
      )
      assert.match(
        yield* fault("visits", { "where.code": "qpr_1" }) ?? "",
        /cannot be filtered by code\. Allowed is city/
      )
      assert.match(yield* fault("countries", { "where.last_scan": "soon" }) ?? "", /does not fit its column/)
      assert.match(yield* fault("countries", { cursor: "eHg" }) ?? "", /The cursor is of another list/)
    }))
})
