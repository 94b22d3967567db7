// Runs: long, node first

import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { Buffer } from "node:buffer"
import { spawnSync } from "node:child_process"
import { platform } from "../support/Broker.ts"
import { newStores } from "../support/Databases.ts"
import { deliver } from "../support/Http.ts"
import { running, type Serve, serve, threeqpr } from "../support/Serve.ts"
import { scanCreated, secret, signed } from "../support/Webhook.ts"

class Server extends Context.Service<Server, Serve & { readonly dataDir: string }>()("test/Server") {
  static readonly layer = Layer.effect(
    Server,
    Effect.gen(function*() {
      const stores = yield* newStores
      const server = yield* serve({ ...stores, THREEQPR_WEBHOOK_SECRET: Redacted.value(secret) })
      return Server.of({ ...server, dataDir: stores.DATA_DIR })
    })
  ).pipe(Layer.provide(platform))
}

const ask = (...args: ReadonlyArray<string>) =>
  Effect.flatMap(Server, ({ admin }) => threeqpr([...args, "--admin-url", admin]))

const send = (...bodies: ReadonlyArray<string | Uint8Array>) =>
  Effect.flatMap(
    Server,
    ({ webhook }) => Effect.forEach(bodies, (body) => deliver(webhook, signed(body)), { discard: true })
  )

const objects = (stdout: string): ReadonlyArray<Readonly<Record<string, unknown>>> =>
  stdout.trimEnd().split("\n").map((line) => JSON.parse(line))

layer(Server.layer, { excludeTestServices: true })("threeqpr events", (it) => {
  it.effect("list shows the newest events as a table, or as one JSON object per line", () =>
    Effect.gen(function*() {
      yield* send(scanCreated("evt_1"), `{"id":"evt_2","event":"menu.opened"}`, "no json")
      const table = yield* ask("events", "list")
      assert.strictEqual(table.code, 0)
      const [heading = "", ...rows] = table.stdout.trimEnd().split("\n")
      assert.match(heading, /^ *SEQ +RECEIVED \(UTC\) +TYPE +ID$/)
      assert.match(rows[0] ?? "", /invalid_json +sha256:[0-9a-f]{64}$/)
      assert.match(rows[1] ?? "", /\d\d-\d\d \d\d:\d\d:\d\d +menu\.opened +evt_2$/)
      assert.match(rows[2] ?? "", /scan\.created +evt_1$/)
      assert.notInclude(table.stdout, "\u001b")
      const json = yield* ask("events", "list", "--limit", "2", "--json")
      assert.deepStrictEqual(objects(json.stdout).map(({ quarantined, type }) => [quarantined, type]), [
        ["invalid_json", null],
        [null, "menu.opened"]
      ])
      const scans = yield* ask(
        "events",
        "list",
        "--type",
        "scan.created",
        "--since",
        "1h",
        "--json",
        "--bodies"
      )
      const { body_base64 } = objects(scans.stdout)[0] ?? {}
      assert.strictEqual(Buffer.from(String(body_base64), "base64").toString(), scanCreated("evt_1"))
      const none = yield* ask("events", "list", "--until", "2020-01-01T00:00:00Z")
      assert.deepStrictEqual([none.code, none.stdout, none.stderr], [0, "", "No event matches.\n"])
    }))

  it.effect("get --raw prints the signed bytes and the signature, which openssl confirms", () =>
    Effect.gen(function*() {
      const body = `{ "id": "evt_raw",\r\n  "event": "scan.created", "data": {"id": "scan_é"} }\n`
      yield* send(body)
      const { code, stderr, stdout } = yield* ask("events", "get", "evt_raw", "--raw")
      assert.strictEqual(code, 0)
      assert.strictEqual(stdout, body)
      const { stdout: digest } = spawnSync("openssl", ["dgst", "-sha256", "-hmac", Redacted.value(secret)], {
        input: stdout,
        encoding: "utf8"
      })
      assert.strictEqual(stderr, `X-3QPR-Signature: sha256=${digest.trim().replace(/.*= /, "")}\n`)
    }))

  it.effect("get shows where an event is stored and what it contains", () =>
    Effect.gen(function*() {
      yield* send(scanCreated("evt_shown"))
      const { stdout } = yield* ask("events", "get", "evt_shown")
      assert.match(stdout, /^id +evt_shown$/m)
      assert.match(stdout, /^stored +sequence \d+, subject 3qpr\.events\.scan\.created$/m)
      assert.match(stdout, /^ {4}"id": "scan_of_evt_shown"$/m)
      const { stdout: json } = yield* ask("events", "get", "evt_shown", "--json")
      assert.strictEqual(JSON.parse(json).headers["ce-type"], "scan.created")
      const missing = yield* ask("events", "get", "evt_missing")
      assert.deepStrictEqual([missing.code, missing.stdout], [1, ""])
      assert.include(missing.stderr, "no event with this id")
    }))

  it.effect("tail shows the last events and each new one, until it is stopped", () =>
    Effect.gen(function*() {
      const { admin } = yield* Server
      yield* send(scanCreated("evt_t1"), scanCreated("evt_t2"))
      const tail = yield* running(["events", "tail", "--last", "1", "--admin-url", admin])
      yield* tail.line("stdout", /evt_t2/)
      yield* send(scanCreated("evt_t3"))
      yield* tail.line("stdout", /scan\.created +evt_t3$/)
      assert.isFalse(tail.stdout.some((line) => line.includes("evt_t1")))
      assert.strictEqual(yield* tail.end("SIGINT"), 0)
    }))
})

describe("threeqpr events tail", () => {
  it.live("continues without a gap after the server was down, and reports this", () =>
    Effect.gen(function*() {
      const environment = { ...(yield* newStores), THREEQPR_WEBHOOK_SECRET: Redacted.value(secret) }
      const first = yield* serve(environment)
      yield* deliver(first.webhook, signed(scanCreated("evt_1")))
      const tail = yield* running(["events", "tail", "--json", "--after", "0", "--admin-url", first.admin])
      yield* tail.line("stdout", /evt_1/)
      assert.strictEqual(yield* first.end("SIGTERM"), 0)
      yield* tail.line("stderr", /^interrupted: .*Retrying/)
      const second = yield* serve({ ...environment, ADMIN_PORT: new URL(first.admin).port })
      yield* deliver(second.webhook, signed(scanCreated("evt_2")))
      yield* tail.line("stderr", /^reconnected: continuing after sequence \d+; no event is missed/)
      yield* tail.line("stdout", /evt_2/)
      assert.deepStrictEqual(objects(tail.stdout.join("\n")).map(({ id }) => id), ["evt_1", "evt_2"])
    }).pipe(Effect.scoped, Effect.provide(platform)))
})

describe("threeqpr events and status", () => {
  const nowhere = "http://127.0.0.1:1"

  it.live.each(["events list", "events get evt_1", "events tail", "status"])(
    "%s exits 1 and says what to do when nothing answers",
    (command) =>
      Effect.gen(function*() {
        const { code, stderr, stdout } = yield* threeqpr([...command.split(" "), "--admin-url", nowhere])
        assert.deepStrictEqual([code, stdout], [1, ""])
        assert.include(stderr, nowhere)
        assert.include(stderr, "threeqpr serve")
      })
  )

  it.live("exit 2 on wrong usage, with the error and the way to the help on standard error", () =>
    Effect.gen(function*() {
      for (
        const args of [
          ["events", "list", "--type", "a b"],
          ["events", "list", "--limit", "0"],
          ["events", "list", "--since", "yesterday"],
          ["events", "get"],
          ["events", "tail", "--last", "many"],
          ["status", "--jsn"]
        ]
      ) {
        const { code, stderr, stdout } = yield* threeqpr(args)
        assert.deepStrictEqual([code, stdout], [2, ""], args.join(" "))
        assert.include(stderr, "--help` shows", args.join(" "))
      }
    }))

  it.live("show examples with --help", () =>
    Effect.gen(function*() {
      for (const args of [["events", "list"], ["events", "get"], ["events", "tail"], ["status"]]) {
        const { code, stdout } = yield* threeqpr([...args, "--help"])
        assert.strictEqual(code, 0)
        assert.match(stdout, new RegExp(`EXAMPLES\n(.*\n)+ +threeqpr ${args.join(" ")}`))
      }
    }))
})
