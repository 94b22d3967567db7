import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { FetchHttpClient, HttpServer } from "effect/http"
import { SqlClient } from "effect/sql/SqlClient"
import * as Admin from "../../../src/Admin/Admin.ts"
import { AdminClient } from "../../../src/Admin/Client.ts"
import { toStored } from "../../../src/Domain/StoredText.ts"
import { forgottenOf } from "../../../src/Jobs/Erasure/Reminder.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { projections } from "../../../src/Projector/Projections.ts"
import * as Projector from "../../../src/Projector/Projector.ts"
import { engines } from "../../support/Databases.ts"
import { send } from "../../support/Http.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { append, countOf, rebuilt, unequal } from "../../support/Projecting.ts"
import { untilDone } from "../../support/Redrive.ts"
import { until } from "../../support/Until.ts"

const client = Layer.unwrap(
  Effect.map(
    HttpServer.HttpServer,
    ({ address }) => AdminClient.layer({ url: HttpServer.formatAddress(address) })
  )
).pipe(Layer.provide(FetchHttpClient.layer))

/** Characters that Postgres refuses, and characters that look like their stored form. */
const odd = "\0 \ud800\udbff \ufffd\u{100000} \ufffd\0"

const code = { id: "qpr_\0", name: `Terrace ${odd}`, created_at: "2026-03-20T15:00:00Z" }

const scan = (id: string, minute: number) => ({
  id,
  qpr_code_id: code.id,
  scanned_at: `2026-03-20T15:${minute}:00Z`,
  country: "\0",
  device: odd,
  region: odd,
  city: "Z\0rich",
  metadata: { "k\0": "v\0", [`k${odd}`]: odd },
  chat: [{ text: odd }]
})

const sent = [
  scan("scan_\0", 10),
  scan(`scan_${odd}`, 11),
  scan("scan_\ud800", 12),
  scan("scan_\ud801", 13),
  scan("scan_\ufffd\u{100000}", 14)
]

const conversation = {
  id: "conv_\ud800",
  scan_id: sent[0]?.id,
  completed_at: "2026-03-20T15:30:00Z",
  messages: [{ by: "guest", text: odd }]
}

const given = Effect.gen(function*() {
  const event = (id: string, type: string, data: object) =>
    append(id, JSON.stringify({ id, event: type, data }), type)
  yield* event("evt_code", "qpr_code.created", code)
  for (const [at, data] of sent.entries()) yield* event(`evt_${at}`, "scan.created", data)
  yield* event("evt_talk", "conversation.completed", conversation)
  yield* event("evt_plan", "subscription.upgraded", { id: odd, plan: odd })
  const { projections } = yield* AdminClient
  yield* until(
    "all is projected",
    projections.list(),
    ({ projections }) => projections.every(({ completeness, lag }) => lag === 0 && completeness.stream === 8)
  )
})

/** Requests a path without encoding it. */
const get = Effect.fnUntraced(function*(path: string) {
  const { address } = yield* HttpServer.HttpServer
  return yield* send(`${HttpServer.formatAddress(address)}${path}`)
})

const forgetting = (payload: { readonly [key in "qpr_code_id" | "conversation_id" | "event_id"]?: string }) =>
  Effect.gen(function*() {
    const { forget } = yield* AdminClient
    const begun = yield* forget.begin({ payload: { ...payload, by: "ann", reason: "asked for" } })
    return { ...begun, ...yield* untilDone(begun.operation ?? "") }
  })

/** Reads all pages of scans by their cursors. */
const paged = Effect.gen(function*() {
  const { scans } = yield* AdminClient
  const found: Array<Readonly<Record<string, unknown>>> = []
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = yield* scans.list({ query: { limit: 2, ...(cursor !== undefined && { cursor }) } })
    found.push(...page.scans)
    cursor = page.next_cursor
  }
  return found
})

for (const engine of engines) {
  const running = client.pipe(
    Layer.provideMerge(Admin.layer({ host: "127.0.0.1", port: 0 })),
    Layer.provideMerge(Projector.layer(projections)),
    Layer.provideMerge(Layer.mergeAll(consumersOnBroker, ProcessHealth.layer)),
    Layer.provideMerge(engine.layer)
  )

  describe(`events with text that Postgres refuses, on ${engine.name}`, () => {
    it.live(
      "become rows that the API returns, finds and pages unchanged, and no dead letters",
      () =>
        Effect.gen(function*() {
          yield* given
          const { analytics, conversations, deadLetters, eventLife, qprCodes, subscriptions } =
            yield* AdminClient
          assert.strictEqual((yield* deadLetters.list({ query: {} })).total, 0)

          const rows = yield* paged
          assert.deepStrictEqual(rows.map(({ id }) => id), sent.map(({ id }) => id).toReversed())
          for (const [at, row] of rows.toReversed().entries()) {
            assert.deepInclude({ ...row }, sent[at] ?? {})
          }
          const filters = ["city=Z%00rich", "country=%00", "metadata.k%00=v%00", "qpr_code_id=qpr_%00"]
          for (const filter of filters) {
            assert.deepInclude((yield* get(`/v1/scans?${filter}`)).body, { total: 5 })
          }
          assert.deepInclude((yield* get("/v1/scans?city=Z%EF%BF%BD%F4%80%80%80rich")).body, { total: 0 })
          assert.deepInclude((yield* get("/v1/scans/scan_%00")).body, { id: "scan_\0", region: odd })
          assert.deepInclude(
            (yield* get(`/v1/scans/${encodeURIComponent("scan_\ufffd\u{100000}")}`)).body,
            { id: "scan_\ufffd\u{100000}" }
          )
          assert.strictEqual((yield* get("/v1/scans/%00")).status, 404)

          const talks = (yield* conversations.list({ query: {} })).conversations
          assert.deepInclude({ ...talks[0] }, { id: conversation.id, messages: conversation.messages })
          assert.deepInclude({ ...(yield* subscriptions.list({ query: {} })).subscriptions[0] }, {
            id: odd,
            plan: odd
          })
          const named = yield* get("/v1/qpr-codes/qpr_%00")
          assert.deepInclude(named.body, { name: code.name })
          assert.strictEqual((yield* qprCodes.list({ query: {} })).qpr_codes[0]?.name, code.name)

          const all = yield* analytics.all({ query: { period: "all" } })
          assert.deepInclude(all.top_codes[0], { qpr_code_id: code.id, name: code.name, scans: 5 })
          assert.deepStrictEqual(all.top_countries, [{ country: "\0", scans: 5 }])
          assert.deepStrictEqual(all.top_devices, [{ device: odd, scans: 5 }])
          const own = yield* get("/v1/qpr-codes/qpr_%00/analytics?period=all")
          assert.deepInclude(own.body, { qpr_code_id: code.id, scans_total: 5 })

          const life = yield* eventLife.get({ params: { id: "evt_1" } })
          assert.deepStrictEqual(life.rows.map(({ current, key }) => [key, current]), [[sent[1]?.id, true]])
        }).pipe(Effect.provide(running))
    )

    it.live(
      "are the same after a rebuild, which reports differing rows unchanged",
      () =>
        Effect.gen(function*() {
          yield* given
          const sql = yield* SqlClient
          const { projections: api } = yield* AdminClient
          for (const { name } of projections) {
            assert.deepStrictEqual(unequal((yield* rebuilt(name, "verify"))?.result), [], name)
          }
          const id = `scan_${odd}`
          yield* sql`update scans_1 set region = ${toStored("\0")} where id = ${toStored(id)}`
          const differing = yield* rebuilt("scans", "verify")
          const { result } = yield* api.get({ params: { name: "scans", id: differing?.id ?? 0 } })
          const examples = result?.tables?.["scans"]?.examples
          assert.deepStrictEqual(examples, [
            { kind: "different", key: { id }, columns: { region: { live: "\0", rebuilt: odd } } }
          ])
          assert.strictEqual((yield* rebuilt("scans"))?.state, "switched")
          assert.deepStrictEqual((yield* paged).map(({ id }) => id), sent.map(({ id }) => id).toReversed())
        }).pipe(Effect.provide(running))
    )

    it.live(
      "are erased by their event, by their conversation and by their code",
      () =>
        Effect.gen(function*() {
          yield* given
          assert.deepInclude(yield* forgetting({ event_id: "evt_3" }), {
            rows: { scans: 1 },
            results: { forgotten: 1 }
          })
          assert.sameMembers(
            (yield* paged).map(({ id }) => id),
            sent.map(({ id }) => id).filter((id) => id !== sent[3]?.id)
          )
          assert.deepInclude(yield* forgetting({ conversation_id: conversation.id }), {
            rows: { conversations: 1 },
            results: { forgotten: 1 }
          })
          assert.deepInclude(yield* forgetting({ qpr_code_id: code.id }), {
            rows: { scans: 4, qpr_codes: 1 },
            results: { forgotten: 5 },
            target: { kind: "qpr_code", id: code.id }
          })
          for (const table of ["scans", "scan_days", "conversations", "qpr_codes"]) {
            assert.strictEqual(yield* countOf(table), 0, table)
          }
          const missed = ["scan_\ud800", "scan_\ud801", "scan_\ud802"].map((id) => ({
            id,
            qprCodeId: undefined,
            scannedAt: undefined
          }))
          assert.deepStrictEqual(yield* forgottenOf(missed), new Set(["scan_\ud800", "scan_\ud801"]))
        }).pipe(Effect.provide(running))
    )
  })
}
