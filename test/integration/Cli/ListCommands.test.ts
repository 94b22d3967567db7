// Runs: node first

import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import * as Admin from "../../../src/Admin/Admin.ts"
import * as Rejections from "../../../src/Ingress/RecentRejections.ts"
import { Rejections as Kept } from "../../../src/Ingress/Rejections.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { conversations } from "../../../src/Projector/Projections/Conversations.ts"
import { qprCodes } from "../../../src/Projector/Projections/QprCodes.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { postgres } from "../../support/Databases.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { threeqpr } from "../../support/Serve.ts"
import { delivered, given } from "../../support/Specification.ts"

const listener = Admin.layer({ host: "127.0.0.1", port: 0 }).pipe(
  Layer.provideMerge(Layer.mergeAll(consumersOnBroker, ProcessHealth.layer)),
  Layer.provideMerge(postgres.layer)
)

layer(listener, { excludeTestServices: true })("threeqpr lists", (it) => {
  it.effect(
    "scans, conversations and rejections, as tables and as one JSON object per line",
    () =>
      Effect.gen(function*() {
        const url = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
        const ask = (...args: ReadonlyArray<string>) => threeqpr([...args, "--admin-url", url])
        yield* Rejections.answer(new Kept(), () => [])
        yield* given(qprCodes)
        const { when } = yield* given(scans)
        yield* when([1, 2, 3].map((index) =>
          delivered(
            index,
            `evt_${index}`,
            "scan.created",
            `{"id":"scan_${index}","scanned_at":"2026-03-20T15:0${index}:00Z","country":"${
              index === 2 ? "JP" : "CH"
            }",`
              + `"city":"Bern","metadata":{"campaign":"c${index}","n":1524831183200260097}}`
          )
        ))
        const ended = yield* given(conversations)
        yield* ended.when([
          delivered(10, "evt_c", "conversation.completed", {
            id: "conv_1",
            scan_id: "scan_1",
            message_count: 4
          })
        ])
        const first = yield* ask("scans", "list", "--country", "CH", "--limit", "1")
        assert.match(first.stdout, /^SCANNED \(UTC\) .*ID\n03-20 15:03:00 +CH +Bern +scan_3\n$/)
        const [, cursor = ""] = /^1 of 2\. Older ones: --cursor (\S+)\n$/.exec(first.stderr) ?? []
        const next = yield* ask("scans", "list", "--country", "CH", "--limit", "1", "--cursor", cursor)
        assert.match(next.stdout, /scan_1\n$/)
        assert.strictEqual(next.stderr, "1 of 2.\n")
        const json = yield* ask(
          "scans",
          "list",
          "--metadata",
          "campaign=c2",
          "--since",
          "2026-03-20",
          "--json"
        )
        assert.match(json.stdout, /^\{.*"id":"scan_2".*\}\n$/)
        assert.include(json.stdout, `"n":1524831183200260097`)
        const talks = yield* ask("conversations", "list", "--scan", "scan_1")
        assert.match(talks.stdout, / 4 +scan_1 +conv_1\n$/)
        const none = yield* ask("conversations", "list", "--qpr-code", "none")
        assert.deepStrictEqual([none.code, none.stdout, none.stderr], [0, "", "No row matches.\n"])
        const refused = yield* ask("rejections", "list")
        assert.deepStrictEqual([refused.code, refused.stderr], [
          0,
          "0 refused since the start of 1 receiver.\n"
        ])
      }),
    60_000
  )
})
