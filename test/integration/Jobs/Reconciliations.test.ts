import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import * as Reconciliations from "../../../src/Jobs/Reconciliations.ts"
import { find, request } from "../../../src/Jobs/Reconciliations/Registry.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { answers, json } from "../../support/Answers.ts"
import { postgres } from "../../support/Databases.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { append, projectorOf, untilCount } from "../../support/Projecting.ts"
import { scan } from "../../support/ThreeQpr.ts"
import { poll } from "../../support/Until.ts"
import { scanCreated } from "../../support/Webhook.ts"

const running = consumersOnBroker.pipe(
  Layer.provideMerge(postgres.layer),
  Layer.provideMerge(ProcessHealth.layer)
)

const window = { since: "2026-03-20T00:00:00Z", until: "2026-03-21T00:00:00Z", by: "the tests" }

/** Runs a reconciliation with a 3QPR that lists these scans to its end. */
const reconciled = (known: ReadonlyArray<unknown>, dry_run = false) =>
  Effect.gen(function*() {
    const { url } = yield* answers([json(200, { scans: known, total: known.length })])
    const reconciler = Reconciliations.layer({ url, key: Redacted.make("3qpr_sk_test"), every: undefined })
    return yield* Effect.gen(function*() {
      const id = (yield* request({ ...window, dry_run })) ?? 0
      return yield* poll(find(id), (found) => found !== undefined && found.finished_at !== null)
    }).pipe(Effect.provide(reconciler))
  }).pipe(Effect.scoped)

describe("a reconciliation", () => {
  it.live(
    "repairs usable scans beside unusable ones, and reports which are unusable and why",
    () =>
      Effect.gen(function*() {
        yield* Layer.build(projectorOf(scans))
        const told = scan("told")
        yield* append("evt_told", scanCreated("evt_told", told))
        yield* untilCount("scans", 1)
        const known = [
          scan("good_1"),
          scan("list", { metadata: [] }),
          5,
          scan("no_zone", { scanned_at: "2026-03-20T15:30:00" }),
          scan("offset", { scanned_at: "2026-03-20T15:30:00+16:00" }),
          scan("null", { id: null }),
          scan("nul\u0000"),
          scan("half\ud800"),
          scan("unusable\u0000", { scanned_at: "never" }),
          scan("surrogate", { qpr_code_id: "\ud800" }),
          scan("year", { scanned_at: "9999-12-31T23:59:59-05:00" }),
          // Odd in 3QPR's list, but known from a webhook.
          { ...told, metadata: [] },
          scan("good_2")
        ]
        const dry = yield* reconciled(known, true)
        assert.deepInclude(dry, { state: "done", error: null, seen: known.length, appended: 0 })
        assert.strictEqual(dry?.still_missing, dry?.missing)
        assert.deepStrictEqual(dry?.repaired_examples, [])
        assert.includeMembers([...dry?.still_missing_examples ?? []], ["good_1", "good_2", "no_zone"])

        const done = yield* reconciled(known)
        assert.deepInclude(done, { state: "done", error: null, seen: known.length })
        assert.strictEqual(done?.missing, (done?.appended ?? 0) + (done?.unusable ?? 0))
        const reasons = new Map(done?.unusable_examples.map(({ id, reason }) => [id, reason]))
        assert.isFalse(reasons.has("list"), "metadata is optional")
        assert.match(reasons.get("no_zone") ?? "", /data\.scanned_at/)
        assert.isFalse(reasons.has("surrogate"))
        assert.strictEqual(done?.unusable_examples.filter(({ id }) => id === null).length, 2)
        assert.isFalse(reasons.has("told"))
        assert.deepStrictEqual(done?.repaired_examples, [
          "good_1",
          "list",
          "nul\u0000",
          "half\ud800",
          "surrogate",
          "year",
          "good_2"
        ])
        assert.strictEqual(done?.still_missing, done?.unusable)
        assert.includeMembers([...done?.still_missing_examples ?? []], ["no_zone", "unusable\u0000"])
        assert.isFalse(done?.still_missing_examples.includes("good_1"))

        yield* untilCount("(select from scans where id like 'good_%') as good", 2)

        assert.match(reasons.get("unusable\u0000") ?? "", /data\.scanned_at/)
        yield* untilCount("(select from scans where id like 'nul%' or id like 'half%') as odd", 2)

        const again = yield* reconciled([
          scan("good_1"),
          scan("nul\u0000"),
          scan("half\ud800"),
          scan("good_2")
        ])
        assert.deepInclude(again, { state: "done", missing: 0, unusable: 0, unusable_examples: [] })
      }).pipe(Effect.provide(running), Effect.scoped),
    30_000
  )
})
