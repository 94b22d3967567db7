// Runs: broker

import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import { AdminClient } from "../../../src/Admin/Client.ts"
import { logEntries } from "../../../src/EventLog/Entries.ts"
import { type Entry, EventLog } from "../../../src/EventLog/EventLog.ts"
import { probeSubject, quarantineSubject } from "../../../src/EventLog/Names.ts"
import * as Release from "../../../src/Jobs/Operations/Release.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import * as Projector from "../../../src/Projector/Projector.ts"
import { entryOf } from "../../contract/EventLog.ts"
import { listenerAndClient } from "../../support/DeadLetters.ts"
import { untilDone } from "../../support/Redrive.ts"
import { poll } from "../../support/Until.ts"
import { scanCreated } from "../../support/Webhook.ts"

const api = Effect.map(AdminClient, ({ quarantine }) => quarantine)

/** Puts a body into quarantine, as a version that cannot decode it would do. */
const quarantine = Effect.fnUntraced(
  function*(id: string, body: string, reason = "invalid_data", more: Partial<Entry> = {}) {
    const { append } = yield* EventLog
    const subject = quarantineSubject(reason)
    const { sequence } = yield* append(entryOf(id, { subject, body: Buffer.from(body), ...more }))
    return sequence
  }
)

const list = (query: Parameters<AdminClient["Service"]["quarantine"]["list"]>[0]["query"]) =>
  Effect.flatMap(api, ({ list }) => list({ query }))

const redrive = (payload: Parameters<AdminClient["Service"]["quarantine"]["redrive"]>[0]["payload"]) =>
  Effect.flatMap(api, ({ redrive }) => redrive({ payload }))

const eventsAfter = (after: number) => Stream.runCollect(logEntries({ after, filter: "3qpr.events.>" }))

const rows = (id: string) =>
  Effect.flatMap(
    SqlClient,
    (sql) => sql<{ readonly sequence: number }>`select sequence::int as sequence from scans where id = ${id}`
  )

layer(
  Projector.layer([scans]).pipe(Layer.provideMerge(listenerAndClient)),
  { excludeTestServices: true }
)("the private listener on the quarantine", (it) => {
  it.effect("lists quarantined entries, newest first, with the problems at each path", () =>
    Effect.gen(function*() {
      const a = yield* quarantine(
        "evt_a",
        `{"id":"evt_a","event":"scan.created","data":{"id":5,"city":true}}`
      )
      const b = yield* quarantine("sha256:b", "no json", "invalid_json")
      const c = yield* quarantine("evt_c", scanCreated("evt_c"))
      const { more, quarantined } = yield* list({})
      assert.deepStrictEqual(
        quarantined.map(({ decodes, reason, sequence }) => [sequence, reason, decodes]),
        [
          [c, "invalid_data", true],
          [b, "invalid_json", false],
          [a, "invalid_data", false]
        ]
      )
      assert.isFalse(more)
      assert.deepStrictEqual(quarantined[2]?.problems, [
        { path: "data.id", message: "Expected string" },
        { path: "data.city", message: "Expected string | null | undefined" }
      ])
      assert.deepStrictEqual(quarantined[1]?.problems.map(({ path }) => path), [""])
      assert.deepStrictEqual((yield* list({ reason: "invalid_json" })).quarantined.map(({ id }) => id), [
        "sha256:b"
      ])
      const first = yield* list({ limit: 1 })
      assert.isTrue(first.more)
      assert.strictEqual((yield* list({ limit: 1, before: first.cursor })).quarantined[0]?.sequence, b)
    }))

  it.effect("shows an entry with its bytes, and nothing for an event, a probe or an unknown sequence", () =>
    Effect.gen(function*() {
      const { get } = yield* api
      const { append } = yield* EventLog
      const sequence = yield* quarantine("sha256:d", "[]", "invalid_envelope")
      const shown = yield* get({ params: { sequence } })
      assert.deepInclude(shown, { decodes: false, subject: "3qpr.quarantine.invalid_envelope", type: null })
      assert.strictEqual(Buffer.from(shown.body_base64, "base64").toString(), "[]")
      const event = yield* append(entryOf("evt_event"))
      const probe = yield* append(entryOf("a probe", { subject: probeSubject }))
      for (const sequence of [event.sequence, probe.sequence, 999_999]) {
        assert.strictEqual((yield* Effect.flip(get({ params: { sequence } })))._tag, "NotFound")
      }
      assert.isFalse((yield* list({})).quarantined.some(({ sequence }) => sequence === probe.sequence))
      const { missing } = yield* redrive({ sequences: [probe.sequence], by: "ann" })
      assert.deepStrictEqual(missing, [probe.sequence])
    }))

  it.effect("turns an entry that decodes now into an event, with its bytes, signature and time of receipt", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      const signature = `sha256=${"ab".repeat(32)}`
      const receivedAt = Date.UTC(2026, 1, 2, 3, 4, 5, 6)
      // Quarantined under the event's own id, which is therefore in the deduplication window.
      const sequence = yield* quarantine("evt_e", scanCreated("evt_e"), "invalid_data", {
        signature,
        receivedAt
      })
      const still = yield* quarantine("sha256:f", "no json")
      const dry = yield* redrive({ sequences: [sequence, still, 5_000_000], by: "ann", dry_run: true })
      assert.deepStrictEqual(dry, { operation: null, count: 2, decodable: 1, missing: [5_000_000] })
      const { operation } = yield* redrive({ sequences: [sequence, still], by: "ann" })
      assert.deepStrictEqual((yield* untilDone(operation)).results, { released: 1, unusable: 1 })
      const [event, ...others] = yield* eventsAfter(still)
      assert.deepStrictEqual(others, [])
      assert.strictEqual(event?.subject, "3qpr.events.scan.created")
      assert.strictEqual(Buffer.from(event?.body ?? []).toString(), scanCreated("evt_e"))
      assert.deepInclude(event?.headers, {
        "ce-id": "evt_e",
        "ce-type": "scan.created",
        "3qpr-signature": signature,
        "3qpr-received-at": "2026-02-02T03:04:05.006Z",
        "3qpr-quarantined-as": String(sequence),
        "Nats-Msg-Id": `quarantine:${sequence}`
      })
      assert.isTrue(Option.isNone(yield* log.get(sequence)))
      assert.isTrue(Option.isSome(yield* log.get(still)))
      yield* poll(rows("scan_of_evt_e"), (rows) => rows.length === 1)
      const again = yield* redrive({ sequences: [sequence], by: "ann" })
      assert.deepStrictEqual(again, { operation: null, count: 0, decodable: 0, missing: [sequence] })
    }))

  it.effect("results in one applied event after an interruption before the entry was deleted", () =>
    Effect.gen(function*() {
      const { append } = yield* EventLog
      const body = Buffer.from(scanCreated("evt_g"))
      const sequence = yield* quarantine("evt_g", body.toString())
      // Published once within the deduplication window, and once before it.
      yield* append(entryOf("evt_g", { dedupId: "before the window", body }))
      yield* append(entryOf("evt_g", { dedupId: `quarantine:${sequence}`, body }))
      const { operation } = yield* redrive({ sequences: [sequence], by: "ann" })
      assert.deepStrictEqual((yield* untilDone(operation)).results, { released: 1 })
      assert.strictEqual((yield* eventsAfter(sequence)).length, 2)
      yield* poll(rows("scan_of_evt_g"), (rows) => rows.length === 1)
      const end = yield* append(entryOf("evt_end", { body: Buffer.from(scanCreated("evt_end")) }))
      yield* poll(rows("scan_of_evt_end"), (rows) => rows.length === 1)
      const sql = yield* SqlClient
      const applied = yield* sql`select 1 from scans_applied_1 where event_id = 'evt_g'`
      assert.strictEqual(applied.length, 1)
      assert.isAbove(end.sequence, sequence)
    }))

  it.effect("deletes an entry whose release was recorded but not finished, and never an event", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      const { finish } = yield* Release.make
      const [released, kept] = [
        yield* quarantine("evt_h", scanCreated("evt_h")),
        yield* quarantine("evt_i", scanCreated("evt_i"))
      ]
      const event = yield* log.append(entryOf("evt_j"))
      const outcome = (sequence: number, result: "released" | "unusable") => ({
        id: String(sequence),
        result,
        error: null,
        at: ""
      })
      yield* finish([
        outcome(released, "released"),
        outcome(kept, "unusable"),
        outcome(event.sequence, "released")
      ])
      assert.isTrue(Option.isNone(yield* log.get(released)))
      assert.isTrue(Option.isSome(yield* log.get(kept)))
      assert.isTrue(Option.isSome(yield* log.get(event.sequence)))
    }))

  it.effect("redrives all entries, or those with one reason, and refuses an unclear selection", () =>
    Effect.gen(function*() {
      const dry = (payload: object) => redrive({ ...payload, by: "ann", dry_run: true })
      const all = yield* dry({ all: true })
      const json = yield* dry({ reason: "invalid_json" })
      assert.isAbove(json.count, 0)
      assert.isBelow(json.count, all.count)
      for (const unclear of [{}, { all: true, reason: "invalid_json" }]) {
        assert.strictEqual((yield* Effect.flip(dry(unclear)))._tag, "InvalidSelection")
      }
    }))
})
