// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option } from "effect"
import { FetchHttpClient, HttpServer } from "effect/http"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import * as Admin from "../../../src/Admin/Admin.ts"
import { AdminClient } from "../../../src/Admin/Client.ts"
import { Consumers } from "../../../src/Consumer/Consumer.ts"
import { DeadLetters } from "../../../src/EventLog/DeadLetters.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import { quarantineSubject } from "../../../src/EventLog/Names.ts"
import { forgottenOf } from "../../../src/Jobs/Erasure/Reminder.ts"
import { NatsServer } from "../../../src/Nats/Server.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { appliedBy } from "../../../src/Projector/Apply/AppliedCounts.ts"
import { projections } from "../../../src/Projector/Projections.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { entryOf } from "../../contract/EventLog.ts"
import { binary, newDataDir, platform } from "../../support/Broker.ts"
import { engines } from "../../support/Databases.ts"
import { filesWith } from "../../support/Files.ts"
import { log } from "../../support/Log.ts"
import { poison, refusePoison } from "../../support/Poison.ts"
import { append, countOf, projectorOf, rebuilt, unequal, untilCount } from "../../support/Projecting.ts"
import { untilDone } from "../../support/Redrive.ts"
import { until } from "../../support/Until.ts"
import { scanCreated } from "../../support/Webhook.ts"

/** The data folder of the broker. */
class Folder extends Context.Service<Folder, string>()("test/Folder") {}

const broker = Layer.unwrap(
  Effect.map(
    newDataDir,
    (dataDir) => Layer.merge(NatsServer.layer({ dataDir, binary }), Layer.succeed(Folder, dataDir))
  )
).pipe(Layer.provide(platform))

const client = Layer.unwrap(
  Effect.map(
    HttpServer.HttpServer,
    ({ address }) => AdminClient.layer({ url: HttpServer.formatAddress(address) })
  )
).pipe(Layer.provide(FetchHttpClient.layer))

/** A text that only erased data contain. */
const mark = "Geheimstadt"

const scan = (id: string, qpr_code_id: string, more: Readonly<Record<string, unknown>> = {}) =>
  append(id, scanCreated(id, { qpr_code_id, scanned_at: "2026-03-20T15:30:00Z", country: "CH", ...more }))

const event = (id: string, type: string, data: Readonly<Record<string, unknown>>) =>
  append(id, JSON.stringify({ id, event: type, data }), type)

/** Stores every kind of data of the code qpr_gone, and some data of others. */
const given = Effect.gen(function*() {
  yield* refusePoison
  const log = yield* EventLog
  const gone = [
    yield* event("code_gone", "qpr_code.created", { id: "qpr_gone", name: mark }),
    // In its first event, the scan belongs to another code.
    yield* append("moved", scanCreated("moving", { qpr_code_id: "qpr_before", city: mark })),
    yield* append("moved_again", scanCreated("moving", { qpr_code_id: "qpr_gone", city: mark })),
    ...yield* Effect.forEach(["g1", "g2", "g3"], (id) => scan(id, "qpr_gone", { city: mark })),
    yield* scan("g4", "qpr_gone", { city: `${mark} ${poison}` }),
    yield* event("talk", "conversation.completed", { id: "conv_gone", scan_id: "scan_of_g1", topic: mark }),
    yield* event("menu", "menu.opened", { qpr_code_id: "qpr_gone", by: mark }),
    yield* log.append(entryOf("again", {
      id: "g2",
      dedupId: "later",
      body: Buffer.from(scanCreated("g2", { qpr_code_id: "qpr_gone", city: mark }))
    })),
    yield* log.append(entryOf("sha256:1", {
      subject: quarantineSubject("invalid_json"),
      type: "",
      body: Buffer.from(`{"qpr_code_id":"qpr_gone","by":"${mark}"`)
    }))
  ].map(({ sequence }) => sequence)
  yield* event("code_stays", "qpr_code.created", { id: "qpr_stays" })
  yield* Effect.forEach(["s1", "s2"], (id) => scan(id, "qpr_stays"))
  yield* event("talk_stays", "conversation.completed", { id: "conv_stays", qpr_code_id: "qpr_stays" })
  // The lag is also 0 before the durable consumers exist, and before the broker has counted.
  yield* untilCount("scans", 6)
  yield* untilCount("conversations", 2)
  yield* untilCount("qpr_codes", 2)
  return gone
})

const projected = Effect.gen(function*() {
  const { projections } = yield* AdminClient
  return yield* until(
    "all is projected",
    projections.list(),
    ({ projections }) => projections.every(({ lag }) => lag === 0)
  )
})

/** Every row and counter of every read model, as text. */
const readModels = Effect.gen(function*() {
  const sql = yield* SqlClient
  const tables: Record<string, ReadonlyArray<string>> = {}
  for (const name of projections.flatMap(({ tables }) => Object.keys(tables))) {
    const rows = yield* sql.unsafe<{ readonly row: string }>(
      `select row_to_json(t)::text as row from ${name} as t order by 1`
    )
    tables[name] = rows.map(({ row }) => row)
  }
  return tables
})

const forgetting = (payload: { readonly [key in "qpr_code_id" | "conversation_id" | "event_id"]?: string }) =>
  Effect.gen(function*() {
    const { forget } = yield* AdminClient
    const begun = yield* forget.begin({ payload: { ...payload, by: "ann", reason: "asked for" } })
    return { ...begun, ...yield* untilDone(begun.operation ?? "") }
  })

for (const engine of engines) {
  const running = client.pipe(
    Layer.provideMerge(Admin.layer({ host: "127.0.0.1", port: 0 })),
    Layer.provideMerge(projectorOf(...projections)),
    Layer.provideMerge(Consumers.layer),
    Layer.provideMerge(DeadLetters.layer),
    Layer.provideMerge(Layer.mergeAll(log, ProcessHealth.layer, engine.layer)),
    Layer.provideMerge(broker)
  )

  describe(`an erased entity, on ${engine.name}`, () => {
    it.live("is removed with everything that belongs to it, and everything else is as if it had never existed", () =>
      Effect.gen(function*() {
        const gone = yield* given
        yield* projected
        const { deadLetters, eventLife, events, forget, projections: api } = yield* AdminClient
        const log = yield* EventLog
        const folder = yield* Folder
        const letters = () => Effect.map(deadLetters.list({ query: {} }), ({ total }) => total)
        yield* until("a dead letter", letters(), (total) => total === 1)
        assert.isNotEmpty(yield* filesWith(folder, mark))
        const { lastSequence } = yield* log.state

        const dry = yield* forget.begin({
          payload: { qpr_code_id: "qpr_gone", by: "ann", reason: "looking", dry_run: true }
        })
        assert.deepStrictEqual(dry, {
          operation: null,
          count: gone.length,
          dead_letters: 1,
          rows: { scans: 4, conversations: 1, qpr_codes: 1 },
          up_to: lastSequence,
          missing: [],
          target: { kind: "qpr_code", id: "qpr_gone" }
        })
        assert.strictEqual(yield* countOf("scans"), 6)

        const { kind, results } = yield* forgetting({ qpr_code_id: "qpr_gone" })
        assert.deepStrictEqual({ kind, results }, { kind: "forget", results: { forgotten: gone.length } })

        for (const sequence of gone) assert.strictEqual((yield* log.get(sequence))._tag, "None")
        assert.strictEqual((yield* log.state).lastSequence, lastSequence)
        assert.deepStrictEqual(yield* filesWith(folder, mark), [])
        assert.strictEqual(yield* letters(), 0)
        assert.notInclude(JSON.stringify(yield* readModels), "gone")
        assert.notInclude(JSON.stringify(yield* readModels), mark)
        assert.strictEqual(yield* countOf("scans"), 2)
        const refused = yield* Effect.flip(eventLife.get({ params: { id: "g1" } }))
        assert.include(JSON.stringify(refused), "This event was erased")
        assert.strictEqual((yield* Effect.flip(events.get({ params: { id: "g1" } })))._tag, "NotFound")

        const nothingElse = { discarded: 0, missing: 0, unexplained: 0 }
        const accounts = (yield* api.list()).projections.map(({ completeness, name }) => [name, completeness])
        assert.deepStrictEqual(Object.fromEntries(accounts), {
          scans: { stream: 4, not_mine: 2, applied: 2, repeated: 0, dead_letters: 0, ...nothingElse },
          conversations: { stream: 4, not_mine: 3, applied: 1, repeated: 0, dead_letters: 0, ...nothingElse },
          qpr_codes: { stream: 4, not_mine: 3, applied: 1, repeated: 0, dead_letters: 0, ...nothingElse },
          subscriptions: { stream: 4, not_mine: 4, applied: 0, repeated: 0, dead_letters: 0, ...nothingElse }
        })

        assert.strictEqual(yield* appliedBy(scans, 1), 2)

        // A rebuild of the log results in the same rows and counters.
        for (const { name } of projections) {
          const compared = yield* rebuilt(name, "dry-run")
          assert.deepStrictEqual(unequal(compared?.result), [], name)
        }

        // Erased events do not return, neither in a new generation nor when 3QPR sends them again.
        assert.strictEqual((yield* rebuilt("scans"))?.state, "switched")
        const before = yield* readModels
        const { sequence } = yield* log.append(entryOf("g1", {
          dedupId: "much later",
          body: Buffer.from(scanCreated("g1", { qpr_code_id: "qpr_gone" }))
        }))
        yield* scan("after", "qpr_stays")
        yield* until("the scan after it", countOf("scans"), (rows) => rows === 3)
        assert.notInclude(JSON.stringify(yield* readModels), "gone")
        assert.isAbove((yield* readModels)["scans"]?.length ?? 0, before["scans"]?.length ?? 0)
        yield* until("the event that was delivered again is erased", log.get(sequence), Option.isNone)
        yield* projected
        const [{ completeness } = { completeness: undefined }] = (yield* api.list()).projections
          .filter(({ name }) => name === "scans")
        assert.deepInclude(completeness, { applied: 3, repeated: 0, missing: 0 })

        const at = (scannedAt: string, id = "new", qprCodeId = "qpr_gone") => ({
          id,
          qprCodeId,
          scannedAt: Date.parse(scannedAt)
        })
        assert.deepStrictEqual(
          yield* forgottenOf([
            at("2026-03-20T15:30:00Z", "missed"),
            at("2126-03-20T15:30:00Z", "later"),
            at("2126-03-20T15:30:00Z", "scan_of_g1", "qpr_other"),
            at("2026-03-20T15:30:00Z", "scan_of_s1", "qpr_stays")
          ]),
          new Set(["missed", "scan_of_g1"])
        )
      }).pipe(Effect.provide(running)))

    it.live("can be one conversation, or the entity of an event", () =>
      Effect.gen(function*() {
        yield* given
        yield* projected
        const { forget } = yield* AdminClient
        assert.deepInclude(yield* forgetting({ conversation_id: "conv_gone" }), {
          count: 1,
          rows: { conversations: 1 },
          results: { forgotten: 1 }
        })
        assert.strictEqual(yield* countOf("conversations"), 1)
        // The scan has two events. Its code is not affected.
        assert.deepInclude(yield* forgetting({ event_id: "moved" }), { count: 2, rows: { scans: 1 } })
        assert.strictEqual(yield* countOf("scans"), 5)
        assert.deepInclude(yield* forgetting({ event_id: "code_gone" }), { count: 1, rows: { qpr_codes: 1 } })
        assert.deepInclude(yield* forgetting({ event_id: "menu" }), { count: 1, rows: {} })
        assert.strictEqual(yield* countOf("scans"), 5)
        const payload = { by: "ann", reason: "asked for" }
        const { lastSequence } = yield* Effect.flatMap(EventLog, (log) => log.state)
        assert.deepStrictEqual(yield* forget.begin({ payload: { ...payload, event_id: "moved" } }), {
          operation: null,
          count: 0,
          dead_letters: 0,
          rows: {},
          up_to: lastSequence,
          missing: ["moved"],
          target: { kind: "event", id: "moved" }
        })
        const unclear = { ...payload, event_id: "s1", conversation_id: "conv_stays" }
        assert.strictEqual((yield* Effect.flip(forget.begin({ payload: unclear })))._tag, "InvalidSelection")
        assert.strictEqual((yield* Effect.flip(forget.begin({ payload })))._tag, "InvalidSelection")
      }).pipe(Effect.provide(running)))
  })
}
