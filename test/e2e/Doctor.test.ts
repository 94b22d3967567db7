// Runs: long, node first

import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Duration, Effect, Exit, Layer, Redacted, Schema, Scope } from "effect"
import { connect, DiscardPolicy, nanos } from "nats"
import { chmodSync } from "node:fs"
import { createServer, type RequestListener } from "node:http"
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net"
import { Database } from "../../src/Database/Database.ts"
import * as Migrations from "../../src/Database/Migrations.ts"
import { eventSubjects, stream } from "../../src/EventLog/Names.ts"
import { NatsServer } from "../../src/Nats/Server.ts"
import { readConnection } from "../../src/Nats/Server/Connection.ts"
import * as Broker from "../support/Broker.ts"
import { newDatabase, newEmbeddedDataDir } from "../support/Databases.ts"
import { deliver, send } from "../support/Http.ts"
import { serve, threeqpr } from "../support/Serve.ts"
import { scanCreated, secret, signed } from "../support/Webhook.ts"

const Answer = Schema.fromJsonString(Schema.Struct({
  ok: Schema.Boolean,
  checks: Schema.Array(Schema.Struct({
    check: Schema.String,
    state: Schema.Literals(["ok", "warning", "failed", "skipped"]),
    seen: Schema.String,
    remedy: Schema.optional(Schema.String)
  }))
}))

/** Runs `threeqpr doctor --json` and returns the result of each check by its name. */
const doctor = Effect.fnUntraced(
  function*(environment: Readonly<Record<string, string>>, args: ReadonlyArray<string> = []) {
    const { code, stderr, stdout } = yield* threeqpr(["doctor", "--json", ...args], {
      PORT: "1",
      ADMIN_PORT: "1",
      ...environment
    })
    const { checks, ok } = yield* Schema.decodeEffect(Answer)(stdout).pipe(Effect.orDie)
    const found = (name: string) => {
      const check = checks.find(({ check }) => check === name)
      return `${check?.state}: ${check?.seen}${check?.remedy === undefined ? "" : ` → ${check.remedy}`}`
    }
    return {
      code,
      stderr,
      stdout,
      ok,
      found,
      states: new Map(checks.map(({ check, state }) => [check, state]))
    }
  }
)

const listening = (server: Server) =>
  Effect.acquireRelease(
    Effect.callback<string>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        resume(Effect.succeed(String(port)))
      })
    }),
    () => Effect.sync(() => server.close())
  )

/** Starts another program, and returns its port. */
const program = (listener: RequestListener) => listening(createServer({ keepAlive: false }, listener))

/** Starts a program that accepts connections and never answers, and returns its port. */
const silent = Effect.suspend(() => {
  const sockets = new Set<{ destroy: () => void }>()
  const server = createTcpServer((socket) => void sockets.add(socket.on("error", () => undefined)))
  return Effect.andThen(
    Effect.addFinalizer(() => Effect.sync(() => sockets.forEach((socket) => socket.destroy()))),
    listening(server)
  )
})

class Running extends Context.Service<Running, {
  readonly webhook: string
  readonly dataDir: string
  readonly environment: Readonly<Record<string, string>>
}>()("test/Running") {
  static readonly layer = Layer.effect(
    Running,
    Effect.gen(function*() {
      const dataDir = yield* newEmbeddedDataDir
      const settings = { DATA_DIR: dataDir, ADMIN_TOKEN: "token-of-the-test" }
      const { admin, webhook } = yield* serve(settings)
      const environment = { ...settings, PORT: new URL(webhook).port, ADMIN_PORT: new URL(admin).port }
      return { webhook, dataDir, environment }
    })
  ).pipe(Layer.provide(Broker.platform))
}

layer(Running.layer, { excludeTestServices: true, timeout: "60 seconds" })(
  "threeqpr doctor, with a healthy system",
  (it) => {
    it.effect("finds the running system by its data folder, exits 0, and changes nothing", () =>
      Effect.gen(function*() {
        const { dataDir, environment, webhook } = yield* Running
        const { code, found, ok, stderr, stdout } = yield* doctor({
          ...environment,
          THREEQPR_API_KEY: "3qpr_sk_live_x"
        })
        assert.strictEqual(code, 0, stdout + stderr)
        assert.isTrue(ok)
        assert.match(
          found("configuration"),
          /^ok: valid; set: THREEQPR_API_KEY, PORT, ADMIN_PORT, ADMIN_TOKEN, DATA_DIR/
        )
        assert.match(found("webhook secret"), /^ok: generated, in /)
        assert.strictEqual(found("3QPR API key"), "ok: set")
        assert.match(found("broker"), /^ok: embedded, nats-server \d+\.\d+\.\d+ at 127\.0\.0\.1:\d+$/)
        assert.match(
          found("stream"),
          /^ok: 3QPR_EVENTS: 0 events, .*duplicate window 2h, kept without limit, 1 replica$/
        )
        assert.match(
          found("consumers"),
          /^ok: conversations-1 has a lag of 0, qpr_codes-1 has a lag of 0, scans-1 has a lag of 0, subscriptions-1 has a lag of 0$/
        )
        assert.match(found("time to ack"), /^ok: [\d.]+ ms \(median of 5 probes/)
        assert.include(found("database"), `ok: embedded in ${dataDir}`)
        assert.include(found("public listener"), `ok: ${new URL(webhook).origin} is ready`)
        assert.match(found("private listener"), /^ok: http.* is ready/)
        assert.notInclude(stdout + stderr, "3qpr_sk_live_x")
        assert.notInclude(stdout + stderr, "token-of-the-test")

        const { token, url } = yield* readConnection(dataDir).pipe(Effect.provide(Broker.platform))
        const { messages } = yield* Effect.promise(async () => {
          const client = await connect({ servers: url, token: Redacted.value(token) })
          const manager = await client.jetstreamManager()
          const { state } = await manager.streams.info(stream)
          await client.close()
          return state
        })
        assert.strictEqual(messages, 0)
      }))

    it.effect("prints aligned lines with a mark each, without colours when the output is not a terminal", () =>
      Effect.gen(function*() {
        const { environment } = yield* Running
        const { code, stdout } = yield* threeqpr(["doctor"], environment)
        assert.strictEqual(code, 0)
        assert.match(stdout, /^✓ configuration {5}valid/)
        assert.match(stdout, /^– 3QPR API key {6}not set\n {20}→ Set THREEQPR_API_KEY/m)
        assert.notInclude(stdout, "\u001b")
        for (const line of stdout.split("\n")) assert.isAtMost(line.length, 100)
      }))

    it.effect("accepts the webhook's own address as --url", () =>
      Effect.gen(function*() {
        const { environment, webhook } = yield* Running
        const { found } = yield* doctor({ ...environment, PORT: "1" }, ["--url", webhook])
        assert.match(found("public listener"), /^ok/)
      }))

    it.effect("reports a missing or wrong token of the private listener", () =>
      Effect.gen(function*() {
        const { environment } = yield* Running
        const without = yield* doctor({ ...environment, ADMIN_TOKEN: "" })
        assert.strictEqual(without.code, 1)
        assert.match(without.found("private listener"), /^failed: .* requires a token → Set ADMIN_TOKEN/)
        const other = yield* doctor({ ...environment, ADMIN_TOKEN: "another token of the test" })
        assert.match(
          other.found("private listener"),
          /^failed: .* does not accept the token → Set ADMIN_TOKEN/
        )
      }))

    it.effect("warns of a secret that other users can read, and of several secrets", () =>
      Effect.gen(function*() {
        const { dataDir, environment } = yield* Running
        const file = `${dataDir}/webhook-secret`
        chmodSync(file, 0o644)
        const open = yield* doctor(environment)
        chmodSync(file, 0o600)
        assert.strictEqual(open.code, 0)
        assert.include(
          open.found("webhook secret"),
          `other users can read the file → Run \`chmod 600 ${file}\``
        )
        const several = yield* doctor({
          ...environment,
          THREEQPR_WEBHOOK_SECRET: "whsec_of_the_first,whsec_of_the_second"
        })
        assert.match(
          several.found("webhook secret"),
          /^failed: 2 secrets, any of which may sign: .* uses a different secret, and refuses it/
        )
        assert.notInclude(several.stdout, "whsec_of_the")
      }))
  }
)

describe("threeqpr doctor", () => {
  it.live("exits 1 when nothing runs, and says what to start", () =>
    Effect.gen(function*() {
      const DATA_DIR = yield* Broker.newDataDir
      const { code, found, ok, stderr } = yield* doctor({ DATA_DIR })
      assert.strictEqual(code, 1)
      assert.isFalse(ok)
      assert.match(found("webhook secret"), /^failed: No webhook secret: .* → Set THREEQPR_WEBHOOK_SECRET/)
      assert.match(found("broker"), /^failed: No embedded broker is running in .* → Start `threeqpr serve`/)
      for (const check of ["stream", "consumers", "time to ack"]) {
        assert.strictEqual(found(check), "skipped: needs the broker")
      }
      assert.match(found("database"), /^skipped: embedded, and not yet created/)
      assert.match(found("public listener"), /^failed: nothing answers at http:\/\/127\.0\.0\.1:1 → Start/)
      assert.match(found("private listener"), /^failed: nothing answers at http:\/\/127\.0\.0\.1:1 → Start/)
      assert.match(
        stderr,
        /^threeqpr: 4 of 11 checks failed: webhook secret, broker, public listener, private listener\.$/m
      )
    }).pipe(Effect.scoped, Effect.provide(Broker.platform)))

  it.live("names an invalid setting and skips all other checks", () =>
    Effect.gen(function*() {
      const { code, found, states } = yield* doctor({ DEDUP_WINDOW: "2 minutes" })
      assert.strictEqual(code, 1)
      assert.match(found("configuration"), /^failed: DEDUP_WINDOW is "2 minutes"; allowed is/)
      assert.deepStrictEqual([...new Set([...states.values()].slice(1))], ["skipped"])
    }))

  it.live("reports the settings of a stream that could lose events, and leaves it unchanged", () =>
    Effect.gen(function*() {
      const { token, url } = yield* NatsServer
      const client = yield* Broker.client({ token, url })
      const manager = yield* Effect.promise(() => client.jetstreamManager())
      const environment = { NATS_URL: url, NATS_TOKEN: Redacted.value(token) }
      const none = yield* doctor(environment)
      assert.match(none.found("stream"), /^failed: There is no stream 3QPR_EVENTS on the broker\. → Start/)
      assert.strictEqual(none.found("time to ack"), "skipped: needs the stream")

      const config = { name: stream, subjects: ["3qpr.>"], duplicate_window: nanos(60_000) }
      const { config: before } = yield* Effect.promise(() =>
        manager.streams.add({ ...config, discard: DiscardPolicy.Old })
      )
      const { code, found } = yield* doctor(environment)
      assert.strictEqual(code, 1)
      assert.match(found("broker"), /^ok: external, nats-server/)
      assert.match(
        found("stream"),
        /^failed: .*discard policy is old.*duplicate window is 1m.* → .*nats stream edit/
      )
      assert.match(found("consumers"), /^warning: there are no durable consumers/)
      assert.match(found("time to ack"), /^ok/)
      const { config: after, state } = yield* Effect.promise(() => manager.streams.info(stream))
      assert.deepStrictEqual(after, before)
      assert.strictEqual(state.messages, 0)
    }).pipe(Effect.scoped, Effect.provide(Broker.layer)))

  it.live("warns of a stream that differs from the settings, and of a consumer that no process serves", () =>
    Effect.gen(function*() {
      const DATA_DIR = yield* Broker.newDataDir
      const THREEQPR_WEBHOOK_SECRET = Redacted.value(secret)
      const { webhook } = yield* serve({ DATA_DIR, THREEQPR_WEBHOOK_SECRET }, ["--role", "ingress"])
      const { token, url } = yield* readConnection(DATA_DIR)
      const client = yield* Broker.client({ token, url })
      yield* Effect.promise(async () => {
        const manager = await client.jetstreamManager()
        // Without the filter, a probe of the log can be pending too.
        await manager.consumers.add(stream, { durable_name: "left-behind", filter_subject: eventSubjects })
      })
      yield* deliver(webhook, signed(scanCreated("evt_1")))
      const { code, found } = yield* doctor({
        DATA_DIR,
        THREEQPR_WEBHOOK_SECRET,
        DEDUP_WINDOW: "3 hours",
        PORT: new URL(webhook).port
      })
      assert.match(found("stream"), /^warning: 3QPR_EVENTS: 1 event, .*; DEDUP_WINDOW is 3h →/)
      assert.match(
        found("consumers"),
        /^warning: left-behind has a lag of 1; no process pulls the events of left-behind →/
      )
      assert.match(found("public listener"), /^ok/)
      assert.strictEqual(code, 1, "no private listener was named")
    }).pipe(Effect.scoped, Effect.provide(Broker.platform)))

  it.live("reports when another program has the port", () =>
    Effect.gen(function*() {
      const port = yield* program((_, response) => response.writeHead(200).end("<h1>hello</h1>"))
      const { code, found } = yield* doctor({ PORT: port, ADMIN_PORT: port })
      assert.strictEqual(code, 1)
      assert.match(
        found("public listener"),
        /^failed: another program listens on http:.* with 200, not with 400/
      )
      assert.match(found("private listener"), /^failed: another program listens on http/)
    }).pipe(Effect.scoped))

  it.live("reports why the listeners are not ready", () =>
    Effect.gen(function*() {
      const brokerScope = yield* Scope.make()
      const broker = yield* Layer.buildWithScope(Broker.layer, brokerScope)
      const { token, url } = Context.get(broker, NatsServer)
      const environment = {
        DATA_DIR: yield* Broker.newDataDir,
        NATS_URL: url,
        NATS_TOKEN: Redacted.value(token),
        THREEQPR_WEBHOOK_SECRET: Redacted.value(secret)
      }
      const { admin, webhook } = yield* serve(environment, ["--role", "ingress"])
      yield* Scope.close(brokerScope, Exit.void)
      yield* send(`${admin}/readyz`).pipe(
        Effect.delay("50 millis"),
        Effect.repeat({ until: ({ status }) => status === 503 })
      )
      const { code, found } = yield* doctor(environment, ["--url", webhook, "--admin-url", admin])
      assert.strictEqual(code, 1)
      assert.match(found("broker"), /^failed: Cannot connect to NATS at .* → Check NATS_URL/)
      assert.match(found("public listener"), /^failed: .* is not ready: the broker is not connected.* → /)
      assert.match(
        found("private listener"),
        /^failed: .* is not ready: event log: the broker is not connected.* → /
      )
    }).pipe(Effect.scoped, Effect.provide(Broker.platform)))

  it.live("times out when a server does not answer", () =>
    Effect.gen(function*() {
      const port = yield* silent
      const [took, { found }] = yield* Effect.timed(doctor({
        PORT: port,
        ADMIN_PORT: port,
        NATS_URL: `nats://127.0.0.1:${port}`,
        DATABASE_URL: `postgres://user:p4ssw0rd@127.0.0.1:${port}/db`
      }))
      for (const check of ["broker", "database", "public listener", "private listener"]) {
        assert.match(found(check), /^failed: /, check)
      }
      assert.strictEqual(found("stream"), "skipped: needs the broker")
      assert.isBelow(Duration.toSeconds(took), 20)
    }).pipe(Effect.scoped))

  it.live("checks that an external Postgres answers and has the tables, and never shows the password", () =>
    Effect.gen(function*() {
      const DATABASE_URL = yield* newDatabase
      const empty = yield* doctor({ DATABASE_URL })
      assert.match(
        empty.found("database"),
        /^failed: Postgres 18.* migrations not run: .*0001_projections.* → Start/
      )
      yield* Effect.provide(
        Migrations.run,
        Database.layer({ url: Redacted.make(DATABASE_URL), dataDir: "" }).pipe(Layer.provide(Broker.platform))
      )
      const migrated = yield* doctor({ DATABASE_URL })
      assert.match(migrated.found("database"), /^ok: Postgres 18.*, its tables are up to date$/)
      const away = yield* doctor({ DATABASE_URL: "postgres://user:p4ssw0rd@127.0.0.1:1/db" })
      assert.match(
        away.found("database"),
        /^failed: Cannot connect to the database at 127\.0\.0\.1:1\/db.* → Check/
      )
      assert.notInclude(away.stdout + away.stderr, "p4ssw0rd")
    }).pipe(Effect.scoped))

  it.live("exits 2 on wrong usage", () =>
    Effect.gen(function*() {
      for (const args of [["--url", "localhost"], ["--wrong"], ["everything"]]) {
        const { code, stderr } = yield* threeqpr(["doctor", ...args])
        assert.strictEqual(code, 2, args.join(" "))
        assert.match(stderr, /ERROR/, args.join(" "))
      }
    }))

  it.live("has examples in its help", () =>
    Effect.gen(function*() {
      const { code, stdout } = yield* threeqpr(["doctor", "--help"])
      assert.strictEqual(code, 0)
      assert.match(stdout, /threeqpr doctor --json/)
      assert.match(stdout, /signature/)
    }))
})
