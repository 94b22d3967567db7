// Runs: long, node first

import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import { userInfo } from "node:os"
import { Database } from "../../src/Database/Database.ts"
import { platform } from "../support/Broker.ts"
import { newDatabase, newDataDir } from "../support/Databases.ts"
import { deliver, send } from "../support/Http.ts"
import { running, type Serve, serve, threeqpr } from "../support/Serve.ts"
import { poll } from "../support/Until.ts"
import { scanCreated, secret, signed } from "../support/Webhook.ts"

class Server extends Context.Service<Server, Serve & { readonly url: string }>()("test/Server") {
  static readonly layer = Layer.effect(
    Server,
    Effect.gen(function*() {
      const url = yield* newDatabase
      const server = yield* serve({
        DATA_DIR: yield* newDataDir,
        DATABASE_URL: url,
        THREEQPR_WEBHOOK_SECRET: Redacted.value(secret)
      })
      return Server.of({ ...server, url })
    })
  ).pipe(Layer.provide(platform))
}

const ask = (...args: ReadonlyArray<string>) =>
  Effect.flatMap(Server, ({ admin }) => threeqpr([...args, "--admin-url", admin]))

const sql = (statement: string) =>
  Effect.flatMap(Server, ({ url }) =>
    Effect.flatMap(SqlClient, (sql) => sql.unsafe(statement)).pipe(
      Effect.provide(Database.layer({ url: Redacted.make(url), dataDir: "" }).pipe(Layer.provide(platform)))
    ))

/** Creates a dead letter of a scan in this city, and returns its id. */
const poison = Effect.fnUntraced(function*(id: string, city: string) {
  const { admin, webhook } = yield* Server
  yield* deliver(webhook, signed(scanCreated(id, { city })))
  const { body } = yield* poll(
    send(`${admin}/v1/dead-letters`),
    ({ body }) => JSON.stringify(body).includes(`"${id}"`)
  )
  const { dead_letters } = body as { readonly dead_letters: ReadonlyArray<Record<"id" | "event_id", string>> }
  return dead_letters.find(({ event_id }) => event_id === id)?.id ?? ""
})

const objects = (stdout: string): ReadonlyArray<Readonly<Record<string, unknown>>> =>
  stdout.trimEnd().split("\n").map((line) => JSON.parse(line))

layer(Server.layer, { excludeTestServices: true })("threeqpr dead-letters", (it) => {
  it.effect("list and redrive report when there is nothing to do", () =>
    Effect.gen(function*() {
      const list = yield* ask("dead-letters", "list")
      assert.deepStrictEqual([list.code, list.stdout, list.stderr], [0, "", "No dead letter matches.\n"])
      const redrive = yield* ask("dead-letters", "redrive", "--all", "--yes")
      assert.deepStrictEqual([redrive.code, redrive.stdout, redrive.stderr], [
        0,
        "",
        "No dead letter matches.\n"
      ])
      const missing = yield* ask("dead-letters", "redrive", "scans-1:99999", "--yes")
      assert.deepStrictEqual([missing.code, missing.stdout], [1, ""])
      assert.include(missing.stderr, "There is no dead letter scans-1:99999.")
    }))

  it.effect("list and show explain why an event failed", () =>
    Effect.gen(function*() {
      yield* sql("alter table scans_1 add constraint nowhere check (char_length(city) > 2)")
      const id = yield* poison("evt_shown", "\u0000")
      const table = yield* ask("dead-letters", "list", "--consumer", "scans-1", "--error", "NOWHERE")
      assert.match(table.stdout, /^ID +FAILED \(UTC\) +TYPE +TRIES +ERROR\n/)
      assert.match(table.stdout, new RegExp(`^${id} +\\S+ \\S+ +scan\\.created +1 +.*nowhere`, "m"))
      assert.notInclude(table.stdout, "\u001b")
      const [letter] = objects((yield* ask("dead-letters", "list", "--json")).stdout)
      assert.deepInclude(letter, { id, event_id: "evt_shown", attempts: 1 })
      const shown = yield* ask("dead-letters", "show", id)
      assert.match(shown.stdout, /^error +.*nowhere/m)
      assert.match(shown.stdout, /^ {4}"city": "\\u0000"$/m)
      const detail = JSON.parse((yield* ask("dead-letters", "show", id, "--json")).stdout)
      assert.strictEqual(
        Buffer.from(detail.body_base64, "base64").toString(),
        scanCreated("evt_shown", { city: "\u0000" })
      )
      const none = yield* ask("dead-letters", "show", "scans-1:99999")
      assert.deepStrictEqual([none.code, none.stdout], [1, ""])
    }))

  it.effect("redrive applies an event once the cause is fixed, and records who asked for it", () =>
    Effect.gen(function*() {
      const { admin } = yield* Server
      yield* sql("alter table scans_1 add constraint elsewhere check (city <> 'Nowhere')")
      const id = yield* poison("evt_fixed", "Nowhere")
      const again = yield* ask("dead-letters", "redrive", id, "--yes")
      assert.strictEqual(again.code, 1)
      assert.match(again.stdout, new RegExp(`^ID +RESULT +ERROR\n${id} +dead +.*elsewhere`))
      assert.include(again.stderr, "1 of 1 failed again")
      yield* sql("alter table scans_1 drop constraint elsewhere")
      const dry = yield* ask("dead-letters", "redrive", "--error", "elsewhere", "--dry-run")
      assert.deepStrictEqual([dry.code, dry.stdout], [0, "1 dead letter would be redriven.\n"])
      const done = yield* ask("dead-letters", "redrive", "--error", "elsewhere", "--yes", "--json")
      assert.strictEqual(done.code, 0)
      assert.deepStrictEqual(objects(done.stdout).map(({ id, result }) => [id, result]), [[id, "applied"]])
      assert.strictEqual((yield* send(`${admin}/v1/scans/scan_of_evt_fixed`)).status, 200)
      assert.strictEqual((yield* ask("dead-letters", "show", id)).code, 1)
      const { body } = yield* send(`${admin}/v1/operations`)
      const { operations } = body as { readonly operations: ReadonlyArray<{ readonly by: string }> }
      assert.match(operations[0]?.by ?? "", new RegExp(`^${userInfo().username}@.`))
    }))

  it.effect("discard removes one permanently, and records the reason", () =>
    Effect.gen(function*() {
      const { admin } = yield* Server
      const id = yield* poison("evt_discarded", "\u0000")
      const { code, stderr, stdout } = yield* ask(
        "dead-letters",
        "discard",
        id,
        "--yes",
        "--reason",
        "a test"
      )
      assert.strictEqual(code, 0)
      assert.match(stdout, new RegExp(`^${id} +discarded$`, "m"))
      assert.match(stderr, /^discard done: 1 of 1 \(1 discarded\)$/m)
      assert.strictEqual((yield* ask("dead-letters", "show", id)).code, 1)
      assert.include(JSON.stringify((yield* send(`${admin}/v1/operations`)).body), `"reason":"a test"`)
    }))

  it.effect("redrive stops watching when interrupted, and can be watched again and cancelled", () =>
    Effect.gen(function*() {
      const { admin } = yield* Server
      // The table is renamed, so the consumer waits, and so does the redrive.
      const id = yield* poison("evt_waiting", "\u0000")
      yield* sql("alter table scans_1 rename to away")
      const first = yield* running(["dead-letters", "redrive", id, "--yes", "--admin-url", admin])
      const operation = (yield* first.line("stderr", /^operation /)).slice("operation ".length)
      assert.strictEqual(yield* first.end("SIGINT"), 130)
      yield* first.line("stderr", new RegExp(`--watch ${operation}$`))
      const second = yield* running([
        "dead-letters",
        "redrive",
        "--watch",
        operation,
        "--admin-url",
        admin
      ])
      yield* second.line("stderr", /^operation /)
      const cancelled = yield* ask("dead-letters", "redrive", "--cancel", operation)
      assert.deepStrictEqual([cancelled.code, cancelled.stdout], [
        0,
        `${operation} is cancelled: 1 of 1 remain unchanged.\n`
      ])
      yield* second.line("stderr", /^threeqpr: Cancelled by .*: 1 of 1 were not reached\.$/)
      yield* sql("alter table away rename to scans_1")
      const unknown = yield* ask("dead-letters", "redrive", "--watch", "nonsense")
      assert.strictEqual(unknown.code, 1)
      assert.include(unknown.stderr, "no operation nonsense")
    }))
})

layer(Server.layer, { excludeTestServices: true })("threeqpr quarantine", (it) => {
  it.effect("list reports an empty quarantine, and the problem of each entry", () =>
    Effect.gen(function*() {
      const { webhook } = yield* Server
      const none = yield* ask("quarantine", "list")
      assert.deepStrictEqual([none.code, none.stdout, none.stderr], [
        0,
        "",
        "No quarantined entry matches.\n"
      ])
      yield* deliver(webhook, signed(`{"id":"evt_q","event":"scan.created","data":{"city":5}}`))
      yield* deliver(webhook, signed("no json"))
      const table = yield* ask("quarantine", "list", "--reason", "invalid_data")
      assert.match(table.stdout, /^ *SEQ +RECEIVED \(UTC\) +REASON +DECODES +PROBLEM\n/)
      assert.match(
        table.stdout,
        /invalid_data +no +data\.id: Missing key; data\.city: Expected string/
      )
      const entries = objects((yield* ask("quarantine", "list", "--json")).stdout)
      assert.deepStrictEqual(entries.map(({ decodes, reason }) => [reason, decodes]), [
        ["invalid_json", false],
        ["invalid_data", false]
      ])
      const sequence = String(entries[1]?.["sequence"])
      const shown = yield* ask("quarantine", "show", sequence)
      assert.match(shown.stdout, /^problem +data\.id: Missing key$/m)
      assert.match(shown.stdout, /^ {4}"city": 5$/m)
      assert.strictEqual(
        JSON.parse((yield* ask("quarantine", "show", sequence, "--json")).stdout).problems.length,
        2
      )
      assert.strictEqual((yield* ask("quarantine", "show", "99999")).code, 1)
    }))

  it.effect("redrive keeps entries that still do not decode, explains why and exits 1", () =>
    Effect.gen(function*() {
      const dry = yield* ask("quarantine", "redrive", "--all", "--dry-run")
      assert.deepStrictEqual([dry.code, dry.stdout], [
        0,
        "2 quarantined entries (0 of 2 can be decoded now; the others stay in quarantine) would be redriven.\n"
      ])
      const { code, stderr, stdout } = yield* ask("quarantine", "redrive", "--all", "--yes", "--json")
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(objects(stdout).map(({ result }) => result), ["unusable", "unusable"])
      assert.include(stderr, "2 of 2 failed again")
      assert.strictEqual(objects((yield* ask("quarantine", "list", "--json")).stdout).length, 2)
    }))
})

describe("threeqpr dead-letters and quarantine", () => {
  it.live("exit 2 on wrong usage, with the error and the way to the help on standard error", () =>
    Effect.gen(function*() {
      for (
        const [message, ...args] of [
          ["select the events", "dead-letters", "redrive", "--yes"],
          ["in exactly one way", "dead-letters", "redrive", "scans-1:1", "--all", "--yes"],
          ["in exactly one way", "dead-letters", "redrive", "scans-1:1", "--consumer", "scans-1", "--yes"],
          ["--yes", "dead-letters", "redrive", "--all"],
          ["--yes", "quarantine", "redrive", "--all"],
          ["cannot be combined with a selection", "dead-letters", "redrive", "--all", "--cancel", "X"],
          ["--reason", "dead-letters", "discard", "--all", "--yes"],
          ["--rate", "dead-letters", "redrive", "--all", "--yes", "--rate", "0"],
          ["consumer", "dead-letters", "list", "--consumer", "a b"],
          ["sequence", "quarantine", "show", "0"],
          ["reason", "quarantine", "list", "--reason", "bad"],
          ["id", "dead-letters", "show"]
        ] as ReadonlyArray<readonly [string, ...ReadonlyArray<string>]>
      ) {
        const { code, stderr, stdout } = yield* threeqpr(args)
        assert.deepStrictEqual([code, stdout], [2, ""], args.join(" "))
        assert.include(stderr, message, args.join(" "))
        assert.include(stderr, "--help` shows", args.join(" "))
      }
    }))

  it.live("exit 1 and say what to do when the server does not answer", () =>
    Effect.gen(function*() {
      const commands = ["dead-letters list", "dead-letters redrive --all --yes", "quarantine list"]
      for (const command of commands) {
        const { code, stderr, stdout } = yield* threeqpr([
          ...command.split(" "),
          "--admin-url",
          "http://127.0.0.1:1"
        ])
        assert.deepStrictEqual([code, stdout], [1, ""], command)
        assert.include(stderr, "threeqpr serve")
      }
    }))

  it.live("show examples with --help", () =>
    Effect.gen(function*() {
      const commands = ["list", "show", "redrive", "discard"].map((name) => `dead-letters ${name}`)
      for (const command of [...commands, "quarantine list", "quarantine show", "quarantine redrive"]) {
        const { code, stdout } = yield* threeqpr([...command.split(" "), "--help"])
        assert.strictEqual(code, 0)
        assert.match(stdout, new RegExp(`EXAMPLES\n(.*\n)+ +threeqpr ${command}`))
      }
    }))
})
