import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { readFileSync } from "node:fs"
import { outcomes } from "../../src/Process/Metrics.ts"
import { platform } from "../support/Broker.ts"
import { newStores } from "../support/Databases.ts"
import { deliver, send } from "../support/Http.ts"
import { serve } from "../support/Serve.ts"
import { poll } from "../support/Until.ts"
import { scanCreated, secret, signed } from "../support/Webhook.ts"

const THREEQPR_WEBHOOK_SECRET = Redacted.value(secret)

/** The samples of `/metrics`, keyed by name and labels as written. */
const scrape = Effect.fnUntraced(function*(admin: string) {
  const { body, headers, status } = yield* send(`${admin}/metrics`)
  assert.strictEqual(status, 200)
  assert.include(headers.get("content-type"), "text/plain; version=0.0.4")
  const lines = String(body).trimEnd().split("\n")
  const samples = new Map<string, number>()
  for (const line of lines.filter((line) => !line.startsWith("#"))) {
    const [, name = "", value] = /^(\w+(?:\{.*\})?) (\S+)$/.exec(line) ?? assert.fail(`no sample: ${line}`)
    assert.isFalse(samples.has(name), `twice: ${name}`)
    samples.set(name, Number(value))
  }
  return samples
})

const familyOf = (sample: string) => sample.replace(/\{.*/, "").replace(/_(bucket|sum|count)$/, "")

const used = (file: string) =>
  new Set(
    readFileSync(new URL(`../../src/Process/Metrics/${file}`, import.meta.url), "utf8").match(
      /threeqpr_[a-z_]+/g
    )
  )

describe("/metrics", () => {
  it.live("counts the outcomes of deliveries and events, under the names that dashboard and alerts use", () =>
    Effect.gen(function*() {
      const { admin, webhook } = yield* serve({ ...(yield* newStores), THREEQPR_WEBHOOK_SECRET })
      const before = yield* scrape(admin)
      for (const outcome of outcomes) {
        assert.strictEqual(before.get(`threeqpr_deliveries_total{outcome="${outcome}"}`), 0, outcome)
      }
      for (const id of ["evt_1", "evt_1", "evt_2"]) yield* deliver(webhook, signed(scanCreated(id)))
      yield* deliver(webhook, signed(scanCreated("evt_1", { city: "another one" })))
      yield* deliver(webhook, signed("no json"))
      yield* deliver(webhook, { ...signed(scanCreated("evt_3")), signature: `sha256=${"0".repeat(64)}` })
      yield* send(webhook, { method: "POST", body: "{}" })
      yield* deliver(webhook, signed(scanCreated("evt_4")), { "content-encoding": "gzip" })
      const after = yield* poll(
        scrape(admin),
        (samples) =>
          samples.get("threeqpr_projected_total{projection=\"scans\"}") === 2
          && samples.get("threeqpr_conflicts_total") === 1
          && samples.get("threeqpr_projection_lag_events{projection=\"scans\"}") === 0
      )
      const expected = {
        stored: 2,
        duplicate: 2,
        quarantined: 1,
        invalid_signature: 1,
        missing_signature: 1,
        unsupported_encoding: 1,
        unavailable: 0
      }
      for (const [outcome, count] of Object.entries(expected)) {
        assert.strictEqual(after.get(`threeqpr_deliveries_total{outcome="${outcome}"}`), count, outcome)
      }
      assert.strictEqual(after.get("threeqpr_delivery_seconds_count"), 7)
      assert.strictEqual(after.get("threeqpr_delivery_seconds_bucket{le=\"+Inf\"}"), 7)
      assert.strictEqual(after.get("threeqpr_publishes_in_flight"), 0)
      assert.strictEqual(after.get("threeqpr_stream_events"), 3)
      assert.strictEqual(after.get("threeqpr_quarantined"), 1)
      assert.strictEqual(after.get("threeqpr_dead_letters"), 0)
      assert.strictEqual(after.get("threeqpr_ready"), 1)
      assert.strictEqual(after.get("threeqpr_state_readable"), 1)
      assert.strictEqual(after.get("threeqpr_batch_events_sum{projection=\"scans\"}"), 2)
      assert.isAbove(after.get("threeqpr_event_loop_delay_seconds_count") ?? 0, 0)

      // The progress of a rebuild is exported only while one runs. All other names are always there.
      const known = new Set([...after.keys()].map(familyOf)).add("threeqpr_rebuild_progress_ratio")
      for (const file of ["grafana.json", "alerts.yml"]) {
        for (const name of used(file)) assert.isTrue(known.has(familyOf(name)), `${file} uses ${name}`)
      }
      const shown = new Set([...used("grafana.json")].map(familyOf))
      const hidden = [...known].filter((name) => !shown.has(name))
      assert.deepStrictEqual(hidden.toSorted(), [
        "threeqpr_build_info",
        "threeqpr_consumer_in_flight",
        "threeqpr_erased_ids_known"
      ])
      for (const name of after.keys()) assert.notMatch(name, /evt_|scan_of_/, "no ids as labels")

      // A rebuild changes the name of the consumer, and not that of the lag.
      const liveConsumers = (samples: ReadonlyMap<string, number>) =>
        [...samples.keys()].filter((name) =>
          /^threeqpr_projection_consumer_info\{.*"scans-.*"live"/.test(name)
        )
      assert.match(liveConsumers(after).join(), /consumer="scans-1"/)
      yield* send(`${admin}/v1/projections/scans/rebuild`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ by: "the tests" })
      })
      yield* poll(scrape(admin), (samples) =>
        liveConsumers(samples).join().includes(`consumer="scans-2"`)
        && samples.get("threeqpr_projection_lag_events{projection=\"scans\"}") === 0)
    }).pipe(Effect.scoped, Effect.provide(platform)))

  it.live("requires the token of the private listener", () =>
    Effect.gen(function*() {
      const environment = {
        ...(yield* newStores),
        ADMIN_TOKEN: "token_of_the_tests",
        THREEQPR_WEBHOOK_SECRET
      }
      const { admin } = yield* serve(environment)
      assert.strictEqual((yield* send(`${admin}/metrics`)).status, 401)
      const headers = { authorization: "Bearer token_of_the_tests" }
      assert.strictEqual((yield* send(`${admin}/metrics`, { headers })).status, 200)
    }).pipe(Effect.scoped, Effect.provide(platform)))
})
