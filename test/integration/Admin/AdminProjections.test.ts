import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { FetchHttpClient, HttpServer } from "effect/http"
import { SqlClient } from "effect/sql/SqlClient"
import { headers as natsHeaders } from "nats"
import * as Admin from "../../../src/Admin/Admin.ts"
import { AdminClient } from "../../../src/Admin/Client.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { projections } from "../../../src/Projector/Projections.ts"
import { scans as scansProjection } from "../../../src/Projector/Projections/Scans.ts"
import { freshDurable, install } from "../../../src/Projector/Tables.ts"
import { postgres } from "../../support/Databases.ts"
import { send } from "../../support/Http.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { poison, refusePoison } from "../../support/Poison.ts"
import { append, projectorOf } from "../../support/Projecting.ts"
import { poll } from "../../support/Until.ts"
import { scanCreated } from "../../support/Webhook.ts"

class Url extends Context.Service<Url, string>()("test/Url") {}

const servedWith = <E, R>(projector: Layer.Layer<never, E, R>) =>
  Layer.unwrap(
    Effect.map(HttpServer.HttpServer, ({ address }) => {
      const url = HttpServer.formatAddress(address)
      return Layer.merge(AdminClient.layer({ url }), Layer.succeed(Url, url))
    })
  ).pipe(
    Layer.provide(FetchHttpClient.layer),
    Layer.provideMerge(Admin.layer({ host: "127.0.0.1", port: 0 })),
    Layer.provide(projector),
    Layer.provideMerge(Layer.mergeAll(consumersOnBroker, ProcessHealth.layer)),
    Layer.provideMerge(postgres.layer)
  )

const served = servedWith(projectorOf(...projections))

/** Installed, but without a projector that could create the durable consumer. */
const withoutDurable = servedWith(Layer.effectDiscard(install(scansProjection, freshDurable)))

const api = Effect.map(AdminClient, ({ projections }) => projections)

const projection = Effect.fnUntraced(function*(name: string) {
  const { projections } = yield* (yield* api).list()
  const found = projections.find((projection) => projection.name === name)
  return found ?? assert.fail(`no projection ${name}`)
})

const untilFinished = (name: string, applied: number) =>
  poll(projection(name), ({ completeness, lag }) => lag === 0 && completeness.applied === applied)

const post = Effect.fnUntraced(function*(path: string, body: unknown) {
  return yield* send(`${yield* Url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body)
  })
})

layer(served, { excludeTestServices: true })("the private listener on projections", (it) => {
  it.effect("accounts for every entry of the stream", () =>
    Effect.gen(function*() {
      yield* refusePoison
      for (let index = 0; index < 20; index++) yield* append(`evt_${index}`, scanCreated(`evt_${index}`))
      yield* append("poison", scanCreated("poison", { city: poison }))
      yield* append(
        "conv",
        `{"id":"conv","event":"conversation.completed","data":{"id":"c"}}`,
        "conversation.completed"
      )
      // Like a retry from 3QPR after the deduplication window: stored again, under the id of an applied event.
      const { connection } = yield* Nats
      const headers = natsHeaders()
      for (
        const [name, value] of [["Nats-Msg-Id", "other"], ["ce-id", "evt_3"], ["ce-type", "scan.created"]]
      ) {
        headers.set(name ?? "", value ?? "")
      }
      yield* Effect.promise(() =>
        connection.jetstream().publish("3qpr.events.scan.created", scanCreated("evt_3"), { headers })
      )
      const scans = yield* poll(
        projection("scans"),
        ({ completeness: { applied, dead_letters, not_mine, repeated, stream }, lag }) =>
          lag === 0 && stream === 23 && applied + dead_letters + not_mine + repeated === 23
      )
      assert.deepInclude(scans, { generation: 1, rebuild_due: false, durable: "scans-1", rebuild: null })
      assert.deepInclude(scans.rows, { scans: 20, scan_days: 1, scan_total_hours: 1 })
      assert.deepStrictEqual(scans.completeness, {
        stream: 23,
        not_mine: 1,
        applied: 20,
        repeated: 1,
        dead_letters: 1,
        discarded: 0,
        missing: 0,
        unexplained: 0
      })
      const sql = yield* SqlClient
      yield* sql`delete from scans_applied_1 where event_id = 'evt_5'`
      assert.strictEqual((yield* projection("scans")).completeness.missing, 1)
      yield* sql`insert into scans_applied_1 select 'evt_5', sequence from scans where event_id = 'evt_5'
        on conflict do nothing`
    }))

  it.effect("lists a projection of an older version that lacks a table, and reports that a rebuild is due", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      yield* sql`alter table scan_hours_1 rename to scan_hours_elsewhere`
      yield* sql`update projections set version = version - 1, tables = '["scans", "scan_days"]'::jsonb where name = 'scans'`
      const scans = yield* Effect.ensuring(
        projection("scans"),
        sql`update projections set version = version + 1, tables = ${
          JSON.stringify(Object.keys(scansProjection.tables))
        }::text::jsonb where name = 'scans'`.pipe(
          Effect.andThen(sql`alter table scan_hours_elsewhere rename to scan_hours_1`),
          Effect.orDie
        )
      )
      assert.deepInclude(scans, { generation: 1, rebuild_due: true })
      assert.hasAllKeys(scans.rows, ["scans", "scan_days"])
    }))

  it.effect("rebuilds a projection on request, and reports progress and outcome", () =>
    Effect.gen(function*() {
      const { get, rebuild } = yield* api
      const params = { name: "conversations" }
      const asked = yield* rebuild({ params, payload: { by: "the tests" } })
      assert.deepInclude(asked, {
        state: "running",
        kind: "rebuild",
        generation: 2,
        requested_by: "the tests",
        result: null
      })
      assert.strictEqual(asked.progress?.total, 1)
      assert.deepInclude((yield* projection("conversations")).rebuild, { id: asked.id })
      const ended = yield* poll(
        get({ params: { ...params, id: asked.id } }),
        ({ finished_at }) => finished_at !== null
      )
      assert.deepInclude(ended, { state: "switched", result: { events: 1 }, progress: null })
      assert.strictEqual((yield* untilFinished("conversations", 1)).durable, "conversations-2")
    }))

  it.effect("answers 404, 409 and 400 as problems with stable types", () =>
    Effect.gen(function*() {
      const unknown = yield* post("/v1/projections/nothing/rebuild", { by: "me" })
      assert.strictEqual(unknown.status, 404)
      assert.include(JSON.stringify(unknown.body), "The projections are: scans, conversations")
      const first = yield* post("/v1/projections/scans/rebuild", { by: "me", verify: true })
      assert.strictEqual(first.status, 202)
      const second = yield* post("/v1/projections/scans/rebuild", { by: "me" })
      assert.strictEqual(second.status, 409)
      assert.include(second.headers.get("content-type"), "application/problem+json")
      assert.include(JSON.stringify(second.body), "urn:threeqpr-events:problem:conflict")
      assert.include(JSON.stringify(second.body), "requested by me")
      const id = (first.body as { readonly id: number }).id
      assert.strictEqual((yield* post(`/v1/projections/conversations/rebuilds/${id}/cancel`, {})).status, 404)
      const cancelled = yield* post(`/v1/projections/scans/rebuilds/${id}/cancel`, {})
      assert.deepInclude(cancelled.body, { state: "cancelled" })
      assert.strictEqual((yield* post(`/v1/projections/scans/rebuilds/${id}/cancel`, {})).status, 409)
      for (const body of [{ by: "me", verify: true, dry_run: true }, {}, { by: "" }, { by: "a\nb" }]) {
        const { headers, status } = yield* post("/v1/projections/scans/rebuild", body)
        assert.strictEqual(status, 400, JSON.stringify(body))
        assert.include(headers.get("content-type"), "application/problem+json")
      }
    }))
})

layer(withoutDurable, { excludeTestServices: true })(
  "a read model whose durable consumer does not exist",
  (it) => {
    it.effect("lacks every event of the log, although nothing is pending", () =>
      Effect.gen(function*() {
        for (const id of ["evt_1", "evt_2"]) yield* append(id, scanCreated(id))
        const scans = yield* projection("scans")
        assert.strictEqual(scans.completeness.missing, 2)
        assert.match(scans.fault ?? "", /^2 missing/)
      }))

    it.effect("has the fault of another definition, and is counted by that definition", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* sql`update projections set revision = 2, types = '["menu.opened", "scan.created"]'`
        const scans = yield* projection("scans")
        assert.deepStrictEqual(scans.types, ["menu.opened", "scan.created"])
        assert.match(
          scans.fault ?? "",
          /^scans applies menu\.opened, scan\.created .*Deploy the newer version/
        )
      }))
  }
)
