// Runs: own process

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { readFileSync } from "node:fs"
import { ingest } from "../../../src/Process/Metrics.ts"
import { anchorOf } from "../../support/Anchors.ts"

const rules = readFileSync(new URL("../../../src/Process/Metrics/alerts.yml", import.meta.url), "utf8")

describe("the alert rules", () => {
  it("use `increase` and `rate` with counters only", () => {
    const taken = [...rules.matchAll(/(?:increase|rate)\((\w+)/g)].map(([, name = ""]) => name)
    assert.isAbove(taken.length, 5)
    for (const name of taken) assert.match(name, /_(total|bucket)$/)
  })

  it("each name a runbook with its own heading on an existing page", () => {
    const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name)
    const runbooks = [...rules.matchAll(/runbook_url: (\S+)/g)].map(([, url = ""]) => url)
    assert.isAbove(alerts.length, 10)
    assert.lengthOf(runbooks, alerts.length)
    for (const [index, url] of runbooks.entries()) {
      const [page = "", anchor] = url.split("#")
      const headings =
        readFileSync(new URL(`../../../${page}`, import.meta.url), "utf8").match(/^### .*$/gm) ?? []
      assert.include(headings.map((heading) => anchorOf(heading.slice(4))), anchor)
      assert.strictEqual(anchor, alerts[index]?.toLowerCase())
    }
  })

  it("detect that no deliveries arrive at all", () => {
    assert.match(rules, /alert: ThreeqprSilence\n\s+expr: .*== 0 and .*> 0/)
  })

  it.effect("can detect the first conflict and the first quarantined delivery: both counters start at 0", () =>
    Effect.gen(function*() {
      ingest.start()
      const metrics = yield* PrometheusMetrics.format()
      assert.match(metrics, /^threeqpr_conflicts_total 0$/m)
      assert.match(metrics, /^threeqpr_deliveries_total\{outcome="quarantined"\} 0$/m)
    }))
})
