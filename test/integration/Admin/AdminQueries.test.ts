// Runs: node first

import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { Buffer } from "node:buffer"
import * as Admin from "../../../src/Admin/Admin.ts"
import type { AllAnalytics, CodeAnalytics } from "../../../src/Admin/Api/Analytics.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { conversations } from "../../../src/Projector/Projections/Conversations.ts"
import { qprCodes } from "../../../src/Projector/Projections/QprCodes.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { subscriptions } from "../../../src/Projector/Projections/Subscriptions.ts"
import { cancel, request } from "../../../src/Projector/Rebuild/Rebuilds.ts"
import { analyticsOf, granularities, periods } from "../../../src/Provider/Simulator/Analytics.ts"
import { engines } from "../../support/Databases.ts"
import { drawsOf } from "../../support/Faults/Bodies.ts"
import { send } from "../../support/Http.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { delivered, given } from "../../support/Specification.ts"
import { poll } from "../../support/Until.ts"

const get = Effect.fnUntraced(function*(path: string) {
  const { address } = yield* HttpServer.HttpServer
  return yield* send(`${HttpServer.formatAddress(address)}${path}`)
})

/** The response body, cast to the type that the test expects. */
const bodyOf = <A>(path: string) => Effect.map(get(path), ({ body }) => body as A)

interface Page {
  readonly scans: ReadonlyArray<{ readonly id: string }>
  readonly total: number
  readonly next_cursor: string | null
}

const pathOf = (path: string, query: Readonly<Record<string, string | number | undefined>>) => {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]]
  )
  return `${path}?${new URLSearchParams(given)}`
}

for (const engine of engines) {
  const listener = Admin.layer({ host: "127.0.0.1", port: 0 }).pipe(
    Layer.provideMerge(Layer.mergeAll(consumersOnBroker, ProcessHealth.layer)),
    Layer.provideMerge(engine.layer)
  )

  layer(listener, { excludeTestServices: true })(`queries on ${engine.name}`, (it) => {
    it.effect("return the pages and totals that slicing all rows gives", () =>
      Effect.gen(function*() {
        const draw = drawsOf(7)
        const pick = <A>(from: ReadonlyArray<A>) => from[Math.floor(draw() * from.length)]
        const at = () => Date.parse("2026-03-20T10:00:00Z") + Math.floor(draw() * 20) * 900_000
        const all = Array.from({ length: 300 }, (_, index) => ({
          id: `scan_${String(index).padStart(3, "0")}`,
          qpr_code_id: pick(["qpr_a", "qpr_b", null]),
          scanned_at: new Date(at()).toISOString()
        }))
        yield* given(qprCodes)
        const { when } = yield* given(scans)
        yield* when(all.map((data, index) => delivered(index + 1, `evt_${index}`, "scan.created", data)))
        const newestFirst = all.toSorted((a, b) =>
          b.scanned_at.localeCompare(a.scanned_at) || b.id.localeCompare(a.id)
        )
        for (let round = 0; round < 150; round++) {
          const query = {
            qpr_code_id: pick([undefined, "qpr_a", "qpr_b", "unknown"]),
            since: pick([undefined, new Date(at()).toISOString()]),
            until: pick([undefined, new Date(at()).toISOString()]),
            limit: 1 + Math.floor(draw() * 40),
            offset: pick([undefined, 0, Math.floor(draw() * 320)])
          }
          const fitting = newestFirst.filter(({ qpr_code_id, scanned_at }) =>
            (query.qpr_code_id === undefined || qpr_code_id === query.qpr_code_id)
            && (query.since === undefined || scanned_at >= query.since)
            && (query.until === undefined || scanned_at < query.until)
          )
          const path = pathOf("/v1/scans", query)
          const page = yield* bodyOf<Page>(path)
          const offset = query.offset ?? 0
          assert.strictEqual(page.total, fitting.length, path)
          assert.deepStrictEqual(
            page.scans.map(({ id }) => id),
            fitting.slice(offset, offset + query.limit).map(({ id }) => id),
            path
          )
          assert.strictEqual(page.next_cursor !== null, offset + query.limit < fitting.length, path)
        }
      }), 120_000)

    it.effect("filter rows by the fields that the filters name, on every page and in the total", () =>
      Effect.gen(function*() {
        const all = Array.from({ length: 60 }, (_, index) => ({
          id: `scan_${String(index).padStart(2, "0")}`,
          scanned_at: `2026-03-20T15:00:${String(index).padStart(2, "0")}Z`,
          short_id: ["a", "b"][index % 2],
          country: ["CH", "JP", "US"][index % 3],
          region: ["BE", "ZH"][index % 2],
          city: ["Bern", "Zürich"][index % 2],
          device: ["mobile", "desktop"][index >> 1 & 1],
          metadata: { campaign: ["spring", "it's"][index % 2], size: index, "a.b": true }
        }))
        type Made = Readonly<Record<string, unknown>> & { readonly scanned_at: string }
        const { when } = yield* given(scans)
        yield* when(all.map((data, index) => delivered(index + 1, `evt_${index}`, "scan.created", data)))
        const newestFirst = all.toReversed()
        const queries: ReadonlyArray<
          readonly [Readonly<Record<string, string>>, (scan: Made, at: number) => boolean]
        > = [
          [{ country: "CH" }, ({ country }) => country === "CH"],
          [{ country: "ch" }, () => false],
          [
            { short_id: "a", region: "BE", device: "mobile" },
            (scan) => scan["short_id"] === "a" && scan["device"] === "mobile"
          ],
          [
            { city: "Zürich", country: "JP" },
            (scan) => scan["city"] === "Zürich" && scan["country"] === "JP"
          ],
          [{ "metadata.campaign": "it's" }, ({ city }) => city === "Zürich"],
          [{ "metadata.size": "7" }, ({ id }) => id === "scan_07"],
          [{ "metadata.a.b": "true", country: "US" }, ({ country }) => country === "US"],
          [
            { country: "CH", since: "2026-03-20T15:00:30Z" },
            ({ country, scanned_at }) => country === "CH" && scanned_at >= "2026-03-20T15:00:30Z"
          ]
        ]
        for (const [query, fits] of queries) {
          const fitting = newestFirst.filter(fits).map(({ id }) => id)
          for (const offset of [0, 3]) {
            const path = pathOf("/v1/scans", { ...query, limit: 5, offset })
            const page = yield* bodyOf<Page>(path)
            assert.strictEqual(page.total, fitting.length, path)
            assert.deepStrictEqual(page.scans.map(({ id }) => id), fitting.slice(offset, offset + 5), path)
          }
        }
        const ended = yield* given(conversations)
        yield* ended.when(
          ["scan_1", "scan_2"].map((scan_id, index) =>
            delivered(index + 100, `evt_c${index}`, "conversation.completed", {
              id: `conv_${index}`,
              scan_id,
              completed_at: "2026-03-20T16:00:00Z",
              metadata: { topic: scan_id }
            })
          )
        )
        for (const query of ["scan_id=scan_2", "metadata.topic=scan_2"]) {
          const { conversations: found, total } = yield* bodyOf<
            { readonly conversations: ReadonlyArray<{ readonly id: string }>; readonly total: number }
          >(`/v1/conversations?${query}`)
          assert.deepStrictEqual([total, ...found.map(({ id }) => id)], [1, "conv_1"])
        }
      }))

    it.effect("return codes and subscriptions in the state after their last events", () =>
      Effect.gen(function*() {
        const codes = yield* given(qprCodes)
        const created = (sequence: number, id: string, more: Readonly<Record<string, unknown>>) =>
          delivered(sequence, `evt_${sequence}`, "qpr_code.created", { id, ...more })
        yield* codes.when([
          created(1, "qpr_a", {
            name: "Museum",
            status: "active",
            created_at: "2026-03-20T10:00:00Z",
            colour: "red"
          }),
          created(2, "qpr_b", { short_id: "b", status: "paused", created_at: "2026-03-21T10:00:00Z" })
        ])
        const list = yield* bodyOf<
          { readonly qpr_codes: ReadonlyArray<{ readonly id: string }>; readonly total: number }
        >(
          "/v1/qpr-codes"
        )
        assert.deepStrictEqual([list.total, ...list.qpr_codes.map(({ id }) => id)], [2, "qpr_b", "qpr_a"])
        const active = yield* bodyOf<typeof list>("/v1/qpr-codes?status=active&since=2026-03-20")
        assert.deepStrictEqual([active.total, ...active.qpr_codes.map(({ id }) => id)], [1, "qpr_a"])
        assert.include((yield* get("/v1/qpr-codes/qpr_a")).body, {
          name: "Museum",
          colour: "red",
          short_id: null
        })
        const subscribed = yield* given(subscriptions)
        yield* subscribed.when([
          delivered(3, "evt_3", "subscription.upgraded", { id: "sub_1", plan: "pro", status: "active" }),
          delivered(4, "evt_4", "subscription.cancelled", { id: "sub_1", status: "cancelled" })
        ])
        assert.include((yield* get("/v1/subscriptions/sub_1")).body, {
          status: "cancelled",
          last_event: "subscription.cancelled"
        })
        const none = yield* bodyOf<{ readonly total: number }>("/v1/subscriptions?status=active")
        assert.strictEqual(none.total, 0)
        assert.strictEqual((yield* get("/v1/subscriptions/none")).status, 404)
      }))

    it.effect("find a code by its id, its short id and its name, wherever an id is accepted", () =>
      Effect.gen(function*() {
        const codes = yield* given(qprCodes)
        yield* codes.when(
          [["qpr_a", "Museum", "aa"], ["qpr_b", "Terrace", "bb"], ["qpr_c", "TERRACE", "cc"], [
            "qpr_d",
            "aa",
            "dd"
          ]]
            .map(([id, name, short_id], at) =>
              delivered(at + 1, `evt_${at}`, "qpr_code.created", { id, name, short_id })
            )
        )
        const { when } = yield* given(scans)
        yield* when(
          ["qpr_a", "qpr_b", "qpr_none"].map((qpr_code_id, at) =>
            delivered(at + 10, `evt_s${at}`, "scan.created", {
              id: `scan_${at}`,
              qpr_code_id,
              scanned_at: "2026-03-20T10:00:00Z"
            })
          )
        )
        const named = {
          qpr_a: "qpr_a",
          aa: "qpr_a",
          Museum: "qpr_a",
          museum: "qpr_a",
          Terrace: "qpr_b",
          dd: "qpr_d"
        }
        for (const [name, id] of Object.entries(named)) {
          assert.include((yield* get(`/v1/qpr-codes/${name}`)).body, { id }, name)
        }
        for (
          const [name, scan] of [["museum", "scan_0"], ["bb", "scan_1"], ["qpr_none", "scan_2"]] as const
        ) {
          const page = yield* bodyOf<Page>(pathOf("/v1/scans", { qpr_code_id: name }))
          assert.deepStrictEqual(page.scans.map(({ id }) => id), [scan], name)
          const { body } = yield* get(`/v1/qpr-codes/${name}/analytics?period=all`)
          assert.include(body, { scans_total: 1 }, name)
        }
        for (const path of ["/v1/qpr-codes/terrace", "/v1/scans?qpr_code_id=terrace"]) {
          const { body, status } = yield* get(path)
          assert.strictEqual(status, 400, path)
          assert.match(
            (body as { readonly detail: string }).detail,
            /"terrace": qpr_c, qpr_b\. Give the id of one/
          )
        }
        assert.strictEqual((yield* get("/v1/qpr-codes/nothing")).status, 404)
      }))

    it.effect("accept dates and durations as times", () =>
      Effect.gen(function*() {
        const { when } = yield* given(scans)
        const at = [
          "2026-03-19T23:59:59Z",
          "2026-03-20T00:00:00Z",
          new Date(Date.now() - 90 * 60_000).toISOString()
        ]
        yield* when(at.map((scanned_at, index) =>
          delivered(index + 1, `evt_${index}`, "scan.created", { id: `scan_${index}`, scanned_at })
        ))
        const found = Effect.fnUntraced(function*(query: Readonly<Record<string, string>>) {
          return (yield* bodyOf<Page>(pathOf("/v1/scans", query))).scans.map(({ id }) =>
            id
          )
        })
        assert.deepStrictEqual(yield* found({ since: "2026-03-20" }), ["scan_2", "scan_1"])
        assert.deepStrictEqual(yield* found({ until: "2026-03-20" }), ["scan_0"])
        assert.deepStrictEqual(yield* found({ since: "2h" }), ["scan_2"])
        assert.deepStrictEqual(yield* found({ since: "1h" }), [])
        for (const wrong of ["yesterday", "2026-02-30", "2h ago", "20260320", "-2h"]) {
          const { body, status } = yield* get(pathOf("/v1/scans", { since: wrong }))
          assert.strictEqual(status, 400, wrong)
          assert.include(
            (body as { readonly detail: string }).detail,
            "query.since: Expected a date (2026-03-20)"
          )
        }
      }))

    it.effect("a cursor visits all rows once, whatever arrives meanwhile", () =>
      Effect.gen(function*() {
        const { when } = yield* given(scans)
        const scan = (index: number, minute: number) =>
          delivered(index, `evt_${index}`, "scan.created", {
            id: `scan_${index}`,
            scanned_at: `2026-03-20T15:${String(minute).padStart(2, "0")}:00.123456Z`
          })
        yield* when(Array.from({ length: 25 }, (_, index) => scan(index, index >> 1)))
        const seen: Array<string> = []
        let cursor: string | null | undefined
        while (cursor !== null) {
          const page: Page = yield* bodyOf<Page>(pathOf("/v1/scans", { limit: 4, cursor }))
          seen.push(...page.scans.map(({ id }) => id))
          cursor = page.next_cursor
          yield* when([scan(100 + seen.length, 59)])
        }
        assert.strictEqual(seen.length, 25)
        assert.strictEqual(new Set(seen).size, 25)
      }))

    it.effect("page through every accepted time, and refuse days that do not exist", () =>
      Effect.gen(function*() {
        const { when } = yield* given(scans)
        const times = ["9999-12-31T23:59:59-05:00", "9999-12-31T23:59:59.9999999Z", "2016-12-31T23:59:60Z"]
          .concat(
            "2016-12-31 23:59:60.5z",
            "0001-01-01T00:00:00Z",
            "0001-01-01T00:00:00+05:00"
          )
        yield* when(
          times.map((scanned_at, at) =>
            delivered(at + 1, `evt_${at}`, "scan.created", { id: `scan_${at}`, scanned_at })
          )
        )
        const ids: Array<string> = []
        for (let cursor: string | null | undefined = undefined; cursor !== null;) {
          const page: Page = yield* bodyOf<Page>(pathOf("/v1/scans", { limit: 1, cursor }))
          ids.push(...page.scans.map(({ id }) => id))
          cursor = page.next_cursor
        }
        const byOffset: Array<string> = []
        for (let offset = 0; offset < times.length; offset++) {
          const page = yield* bodyOf<Page>(pathOf("/v1/scans", { limit: 1, offset }))
          byOffset.push(...page.scans.map(({ id }) => id))
        }
        assert.deepStrictEqual(ids, ["scan_0", "scan_1", "scan_3", "scan_2", "scan_4", "scan_5"])
        assert.deepStrictEqual(byOffset, ids)
        const leap = yield* bodyOf<Page>(
          pathOf("/v1/scans", { since: "2016-12-31T23:59:60Z", until: "2016-12-31T23:59:60.7Z" })
        )
        assert.strictEqual(leap.total, 2)
        const cursorAt = (at: string) => Buffer.from(`${at} scan_1`).toString("base64url")
        const refused = ["2026-02-30T10:00:00Z", "0000-01-01T00:00:00Z", "2026-03-20T10:00:00+23:00"].flatMap(
          (at) => [pathOf("/v1/scans", { since: at }), pathOf("/v1/conversations", { until: at })]
        ).concat(
          pathOf("/v1/scans", { cursor: cursorAt("2026-02-30T10:00:00.000000Z") }),
          pathOf("/v1/scans", { cursor: cursorAt("20000-01-01T10:00:00.000000Z") }),
          pathOf("/v1/scans", { cursor: cursorAt("2026-03-20T10:00:00.000000Z\u0000") }),
          "/v1/projections/%00/rebuilds/1"
        )
        for (const path of refused) assert.strictEqual((yield* get(path)).status, 400, path)
        for (const path of ["/v1/scans/%00", "/v1/conversations/a%00", "/v1/qpr-codes/%00/analytics"]) {
          assert.strictEqual((yield* get(path)).status, 404, path)
        }
      }))

    it.effect("refuse an invalid cursor, and a cursor together with an offset", () =>
      Effect.gen(function*() {
        for (const query of ["cursor=abc", "cursor=", "cursor=MjAyNg&offset=1"]) {
          const { body, status } = yield* get(`/v1/conversations?${query}`)
          assert.strictEqual(status, 400, query)
          assert.include(body, { type: "urn:threeqpr-events:problem:invalid-request" }, query)
        }
      }))

    it.effect("/metrics shows a rebuild only while it runs", () =>
      Effect.gen(function*() {
        yield* given(scans)
        const id = yield* request("scans", "rebuild", "the tests")
        const name = /^threeqpr_rebuild_progress_ratio\{projection="scans"\} \d/m
        assert.match(String((yield* get("/metrics")).body), name)
        yield* cancel(id ?? 0)
        assert.notMatch(String((yield* get("/metrics")).body), name)
      }))

    it.effect(
      "analytics equal 3QPR's own, except for devices that cannot be distinguished",
      () =>
        Effect.gen(function*() {
          const draw = drawsOf(3)
          const now = Date.now()
          const made = Array.from({ length: 400 }, (_, index) => {
            const conversation_started = draw() < 0.6
            // Some scans are near the days on which the periods begin.
            const age = [7, 30, 90][index % 5] ?? draw() * 120
            return {
              id: `scan_${index}`,
              qpr_code_id: ["qpr_a", "qpr_b"][index % 2],
              scanned_at: new Date(now - age * 86_400_000 + (draw() - 0.5) * 40 * 3_600_000).toISOString(),
              country: ["US", "CH", "JP"][Math.floor(draw() * 3)] ?? "US",
              device: ["mobile", "desktop"][Math.floor(draw() * 2)] ?? "mobile",
              city: "Bern",
              conversation_started,
              conversation_messages: conversation_started ? Math.floor(draw() * 9) : 0
            }
          })
          const { when } = yield* given(scans)
          yield* given(qprCodes)
          const ended = yield* given(conversations)
          yield* when(made.map((data, index) => delivered(index + 1, `evt_${index}`, "scan.created", data)))
          yield* ended.when([
            delivered(500, "evt_c", "conversation.completed", {
              id: "conv_a",
              qpr_code_id: "qpr_a",
              completed_at: new Date(now).toISOString()
            })
          ])
          const combinations = periods.flatMap((period) =>
            granularities.map((granularity) => ({ period, granularity }))
          )
          const today = () => Math.floor(Date.now() / 86_400_000) * 86_400_000
          const compare = Effect.gen(function*() {
            const began = today()
            for (const { granularity, period } of combinations) {
              const query = { qpr_code_id: "qpr_a", period, granularity }
              const { scans_unique_devices: _, timeseries, ...expected } = analyticsOf(
                made.filter(({ qpr_code_id }) => qpr_code_id === "qpr_a")
                  .map((scan) => ({ at: Date.parse(scan.scanned_at), scan })),
                query,
                began
              )
              const body = yield* bodyOf<CodeAnalytics>(
                pathOf("/v1/qpr-codes/qpr_a/analytics", { period, granularity })
              )
              // A new day moves the period, so the comparison starts again.
              if (today() !== began) return false
              const what = `${period} by ${granularity}`
              assert.deepInclude(body, { ...expected, conversations_completed: 1 }, what)
              assert.deepStrictEqual(
                body.timeseries.filter(({ scans }) => scans > 0).map(({ date, scans }) => ({ date, scans })),
                timeseries,
                what
              )
              const completed = body.timeseries.reduce((sum, entry) => sum + entry.conversations_completed, 0)
              assert.strictEqual(completed, 1, what)
            }
            return true
          })
          yield* poll(compare, (done) => done)
          const all = yield* bodyOf<AllAnalytics>(
            "/v1/analytics?period=all"
          )
          assert.strictEqual(all.scans_total, 400)
          assert.deepStrictEqual(all.top_codes, [
            { qpr_code_id: "qpr_a", name: null, short_id: null, scans: 200 },
            { qpr_code_id: "qpr_b", name: null, short_id: null, scans: 200 }
          ])
          assert.strictEqual((yield* get("/v1/qpr-codes/unknown/analytics")).status, 404)
        }),
      60_000
    )
  })
}
