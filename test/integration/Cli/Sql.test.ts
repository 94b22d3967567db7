// Runs: node first

import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { HttpServer } from "effect/http"
import * as Admin from "../../../src/Admin/Admin.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { postgres } from "../../support/Databases.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { threeqpr } from "../../support/Serve.ts"

const token = "the-token-of-the-tests"

const listener = Admin.layer({ host: "127.0.0.1", port: 0, token: Redacted.make(token) }).pipe(
  Layer.provideMerge(Layer.mergeAll(consumersOnBroker, ProcessHealth.layer)),
  Layer.provideMerge(postgres.layer)
)

const rows = `select * from (values
  ('a "quoted", b', 12345678901234567890.5, null, '{"k": [1]}'::jsonb),
  (E'\\x1b[2J', 2, '', null)) as rows (text, number, nothing, json)`

layer(listener, { excludeTestServices: true })("threeqpr sql", (it) => {
  it.effect(
    "prints a table for people, JSON and CSV for programs, and where a statement is wrong",
    () =>
      Effect.gen(function*() {
        const url = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
        const ask = (...args: ReadonlyArray<string>) =>
          threeqpr(["sql", ...args, "--admin-url", url], { ADMIN_TOKEN: token })
        const [shown, json, csv, cut, wrong] = yield* Effect.all([
          ask(rows),
          ask("--json", rows),
          ask("--csv", rows),
          ask("--limit", "1", "values (1), (2)"),
          ask("select contry\nfrom scans where 1 = 2")
        ], { concurrency: 2 })
        assert.deepStrictEqual(shown.stdout.split("\n"), [
          "text                           number  nothing  json",
          "a \"quoted\", b  12345678901234567890.5           {\"k\":[1]}",
          "\\u001b[2J                           2",
          ""
        ])
        assert.deepStrictEqual([shown.code, shown.stderr], [0, "2 rows.\n"])
        assert.include(json.stdout, `"number":12345678901234567890.5,"nothing":null,"json":{"k":[1]}}\n`)
        assert.strictEqual(
          csv.stdout,
          `text,number,nothing,json\n"a ""quoted"", b",12345678901234567890.5,,"{""k"":[1]}"\n\u001b[2J,2,"",\n`
        )
        assert.strictEqual(cut.stderr, "1 row.\nMore rows fit. Only 1 are shown, as --limit says.\n")
        assert.strictEqual(wrong.code, 1)
        assert.match(
          wrong.stderr,
          /relation "scans" does not exist.*at character 20.*\n\nfrom scans where 1 = 2\n {5}\^\n$/
        )
      }),
    60_000
  )
})
