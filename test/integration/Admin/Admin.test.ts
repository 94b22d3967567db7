import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { HttpServer } from "effect/http"
import { request } from "node:http"
import * as Admin from "../../../src/Admin/Admin.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { conversations } from "../../../src/Projector/Projections/Conversations.ts"
import { qprCodes } from "../../../src/Projector/Projections/QprCodes.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { engines, postgres } from "../../support/Databases.ts"
import { type Answer, send } from "../../support/Http.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import * as Memory from "../../support/MemoryLog.ts"
import { delivered, given } from "../../support/Specification.ts"
import { scanOfTheReference as scan } from "../../support/Webhook.ts"

const options = { host: "127.0.0.1", port: 0 }

const url = Effect.map(HttpServer.HttpServer, ({ address }) => HttpServer.formatAddress(address))

const get = Effect.fnUntraced(function*(path: string, headers: Readonly<Record<string, string>> = {}) {
  return yield* send(`${yield* url}${path}`, { headers })
})

/** `fetch` does not allow these headers to be set. */
const getAs = Effect.fnUntraced(function*(headers: Readonly<Record<string, string>>) {
  const { hostname, port } = new URL(yield* url)
  return yield* Effect.callback<number>((resume) => {
    request({ hostname, port, path: "/v1/dead-letters", headers }, (response) => {
      response.resume()
      resume(Effect.succeed(response.statusCode ?? 0))
    }).end()
  })
})

const idsOf = ({ body }: Answer) =>
  (body as { readonly scans: ReadonlyArray<{ readonly id: string }> }).scans.map(({ id }) => id)

const health = Layer.mergeAll(Memory.layer(), ProcessHealth.layer)
const everything = Layer.mergeAll(consumersOnBroker, ProcessHealth.layer)

for (const engine of engines) {
  const listener = Admin.layer(options).pipe(
    Layer.provideMerge(everything),
    Layer.provideMerge(engine.layer)
  )

  layer(listener, { excludeTestServices: true })(`the private listener on ${engine.name}`, (it) => {
    it.effect("returns scans as 3QPR's API does, newest first, with fields that 3QPR added", () =>
      Effect.gen(function*() {
        const { when } = yield* given(scans)
        yield* when([
          delivered(1, "evt_1", "scan.created", { ...scan, weather: "sun" }),
          delivered(2, "evt_2", "scan.created", { id: "scan_b", scanned_at: "2026-03-20T15:31:00Z" })
        ])
        const { body, status } = yield* get("/v1/scans")
        assert.strictEqual(status, 200)
        const nothing = Object.fromEntries(Object.keys(scan).map((key) => [key, null]))
        assert.deepStrictEqual(body, {
          scans: [
            { ...nothing, id: "scan_b", scanned_at: "2026-03-20T15:31:00Z", metadata: {} },
            { ...scan, weather: "sun" }
          ],
          total: 2,
          limit: 50,
          offset: 0,
          next_cursor: null
        })
        const one = yield* get("/v1/scans/scan_01HABC")
        assert.deepStrictEqual(one.body, { ...scan, weather: "sun" })
      }))

    it.effect("returns numbers with the digits that 3QPR signed, however large or small they are", () =>
      Effect.gen(function*() {
        const numbers = `"n":1524831183200260097,"d":-0.12345678901234567890123,"x":12e400,"i":6`
        const { when, whenRebuilt } = yield* given(scans)
        const event = delivered(
          1,
          "evt_1",
          "scan.created",
          `{"id":"scan_f19","metadata":{${numbers}},"huge":1e200000,"tiny":[-1e-20000],"conversation_messages":1e131072}`
        )
        for (const apply of [when, whenRebuilt]) {
          yield* given(scans)
          yield* apply([event])
          for (const path of ["/v1/scans", "/v1/scans/scan_f19"]) {
            const address = `${yield* url}${path}`
            const text = yield* Effect.promise(() => fetch(address).then((response) => response.text()))
            assert.include(text, `1524831183200260097`)
            assert.include(text, `-0.12345678901234567890123`)
            assert.include(text, `12${"0".repeat(400)}`)
            assert.include(text, `"huge":"1e200000"`)
            assert.include(text, `"tiny":["-1e-20000"]`)
            assert.include(text, `"conversation_messages":null`)
          }
        }
      }))

    it.effect("filters by code and time and pages, counting all rows that match the filter", () =>
      Effect.gen(function*() {
        yield* given(qprCodes)
        const { when } = yield* given(scans)
        yield* when(
          Array.from({ length: 10 }, (_, index) =>
            delivered(index + 1, `evt_${index}`, "scan.created", {
              id: `scan_${index}`,
              qpr_code_id: index % 2 ? "odd" : "even",
              scanned_at: `2026-03-20T15:0${index}:00Z`
            }))
        )
        const odd = yield* get("/v1/scans?qpr_code_id=odd&limit=2&offset=1")
        assert.deepStrictEqual(idsOf(odd), ["scan_7", "scan_5"])
        assert.include(odd.body, { total: 5, limit: 2, offset: 1 })
        const between = yield* get("/v1/scans?since=2026-03-20T15:03:00Z&until=2026-03-20T16:05:00%2B01:00")
        assert.deepStrictEqual(idsOf(between), ["scan_4", "scan_3"])
        assert.deepStrictEqual(idsOf(yield* get("/v1/scans?qpr_code_id=' or true --")), [])
      }))

    it.effect("returns conversations", () =>
      Effect.gen(function*() {
        const { when } = yield* given(conversations)
        yield* when([
          delivered(1, "evt_1", "conversation.completed", { conversation_id: "conv_a", summary: "hi" })
        ])
        const { body } = yield* get("/v1/conversations")
        assert.include(body, { total: 1, limit: 50, offset: 0 })
        const one = yield* get("/v1/conversations/conv_a")
        assert.include(one.body, { id: "conv_a", summary: "hi", completed_at: "2026-03-20T16:00:00.000Z" })
      }))

    it.effect("answers invalid requests and unknown resources with a problem that names the reason", () =>
      Effect.gen(function*() {
        for (
          const [path, status] of [
            ["/v1/scans?limit=0", 400],
            ["/v1/scans?limit=201", 400],
            ["/v1/scans?limit=ten", 400],
            ["/v1/scans?offset=-1", 400],
            ["/v1/scans?since=yesterday", 400],
            ["/v1/scans/unknown", 404],
            ["/v1/conversations/unknown", 404],
            ["/nowhere", 404]
          ] as const
        ) {
          const answer = yield* get(path)
          assert.strictEqual(answer.status, status, path)
          assert.strictEqual(answer.headers.get("content-type"), "application/problem+json", path)
          const type = status === 400 ? "invalid-request" : "not-found"
          assert.include(answer.body, { status, type: `urn:threeqpr-events:problem:${type}` }, path)
          assert.property(answer.body, "detail", path)
        }
      }))

    it.effect("describes itself at /openapi.json, and at /docs without loading anything from another host", () =>
      Effect.gen(function*() {
        const { body } = yield* get("/openapi.json")
        const paths = Object.keys((body as { readonly paths: object }).paths)
        assert.includeMembers(paths, ["/v1/scans", "/v1/qpr-codes/{id}/analytics", "/v1/status"])
        const page = String((yield* get("/docs")).body)
        assert.include(page, "SwaggerUIBundle")
        assert.notMatch(page, /<(script|link|img)[^>]+(src|href)="(https?:)?\/\//)
      }))

    it.effect("answers only requests with this machine's own name and from no other site", () =>
      Effect.gen(function*() {
        const { host } = new URL(yield* url)
        assert.strictEqual(yield* getAs({ host }), 200)
        assert.strictEqual(yield* getAs({ host: "localhost:3001" }), 200)
        assert.strictEqual(yield* getAs({ host: "evil.example" }), 403)
        assert.strictEqual(yield* getAs({ host: "127.0.0.1.evil.example" }), 403)
        assert.strictEqual(yield* getAs({ host, origin: `http://${host}` }), 200)
        assert.strictEqual(yield* getAs({ host, origin: "https://evil.example" }), 403)
        assert.strictEqual(yield* getAs({ host, origin: "null" }), 403)
      }))
  })
}

describe("the private listener", () => {
  it.live("requires its token, if it has one, for everything except health", () =>
    Effect.gen(function*() {
      const bearer = (token: string) => get("/v1/conversations/x", { authorization: `Bearer ${token}` })
      assert.strictEqual((yield* get("/v1/conversations/x")).status, 401)
      assert.strictEqual((yield* bearer("wrong")).status, 401)
      assert.notStrictEqual((yield* bearer("t0ken")).status, 401)
      assert.strictEqual((yield* get("/livez")).status, 200)
      assert.strictEqual((yield* get("/readyz")).status, 200)
    }).pipe(Effect.provide(
      Admin.layer({ ...options, token: Redacted.make("t0ken") }).pipe(
        Layer.provideMerge(everything),
        Layer.provide(postgres.layer)
      )
    )))

  it.live("does not start beyond loopback without a token", () =>
    Effect.gen(function*() {
      const open = Admin.layerHealth({ ...options, host: "0.0.0.0" }).pipe(Layer.provide(health))
      const { message } = yield* Effect.flip(Effect.scoped(Layer.build(open)))
      assert.include(message, "ADMIN_TOKEN")
      assert.include(message, "0.0.0.0")
      const guarded = Admin.layerHealth({ ...options, host: "0.0.0.0", token: Redacted.make("t") })
      yield* Effect.scoped(Layer.build(guarded.pipe(Layer.provide(health))))
    }))

  it.live("names every component that is not ready", () =>
    Effect.gen(function*() {
      const vitals = yield* ProcessHealth
      assert.strictEqual((yield* get("/readyz")).status, 200)
      yield* Effect.scoped(Effect.gen(function*() {
        yield* vitals.watch("database", Effect.succeed("no answer"))
        const { body, status } = yield* get("/readyz")
        assert.strictEqual(status, 503)
        assert.deepInclude(body, { ready: false, faults: [{ part: "database", reason: "no answer" }] })
      }))
      assert.strictEqual((yield* get("/readyz")).status, 200)
    }).pipe(Effect.provide(Admin.layerHealth(options).pipe(Layer.provideMerge(health)))))

  it.live("answers no queries in a process without the admin role", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* get("/v1/scans")).status, 404)
    }).pipe(Effect.provide(Admin.layerHealth(options).pipe(Layer.provideMerge(health)))))
})
