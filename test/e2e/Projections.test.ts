// Runs: long, node first

import { NodeServices } from "@effect/platform-node"
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import process from "node:process"
import { Database } from "../../src/Database/Database.ts"
import { DeadLetters } from "../../src/EventLog/DeadLetters.ts"
import { EventLog } from "../../src/EventLog/EventLog.ts"
import { NatsServer } from "../../src/Nats/Server.ts"
import * as Broker from "../support/Broker.ts"
import { newDatabase } from "../support/Databases.ts"
import { send } from "../support/Http.ts"
import { log } from "../support/Log.ts"
import { standStill } from "../support/Processes.ts"
import { append, countOf, durables, untilCount } from "../support/Projecting.ts"
import { running, type Serve, serve, threeqpr } from "../support/Serve.ts"
import { poll } from "../support/Until.ts"
import { scanCreated, secret } from "../support/Webhook.ts"

const noLetters = Effect.gen(function*() {
  const { countOf } = yield* DeadLetters
  for (const durable of ["scans-1", "scans-2"]) assert.strictEqual(yield* countOf(durable), 0)
})

type Environment = Readonly<Record<string, string>>

/** A broker and a Postgres that several processes share. The tests access them directly too. */
class Shared extends Context.Service<Shared, { readonly environment: Environment }>()("test/Shared") {
  static readonly layer = Layer.unwrap(Effect.gen(function*() {
    const { token, url } = yield* NatsServer
    const dataDir = yield* Broker.newDataDir
    const databaseUrl = yield* newDatabase
    const environment = {
      DATA_DIR: dataDir,
      THREEQPR_WEBHOOK_SECRET: Redacted.value(secret),
      NATS_URL: url,
      NATS_TOKEN: Redacted.value(token),
      DATABASE_URL: databaseUrl
    }
    return Layer.mergeAll(
      Layer.succeed(Shared, { environment }),
      Database.layer({ url: Redacted.make(databaseUrl), dataDir: "" })
    )
  })).pipe(Layer.provideMerge(log), Layer.provideMerge(Broker.layer), Layer.provide(NodeServices.layer))
}

/** The shared engines, and a process with every role. */
class Server extends Context.Service<Server, Serve>()("test/Server") {
  static readonly layer = Layer.effect(
    Server,
    Effect.flatMap(Shared, ({ environment }) => serve(environment))
  ).pipe(Layer.provideMerge(Shared.layer))
}

const ask = (...args: ReadonlyArray<string>) =>
  Effect.flatMap(Server, ({ admin }) => threeqpr(["projections", ...args, "--admin-url", admin]))

const appendScans = (from: number, to: number) =>
  Effect.forEach(
    Array.from({ length: to - from }, (_, index) => `evt_${from + index}`),
    (id) => append(id, scanCreated(id)),
    { concurrency: 500, discard: true }
  )

const objects = (stdout: string) => stdout.trimEnd().split("\n").map((line) => JSON.parse(line))

layer(Server.layer, { excludeTestServices: true, timeout: "60 seconds" })("threeqpr projections", (it) => {
  it.effect("list shows the progress of each projection, and that nothing is missing", () =>
    Effect.gen(function*() {
      yield* appendScans(0, 300)
      yield* untilCount("scans", 300)
      const listed = yield* poll(ask("list", "--json"), ({ stdout }) => objects(stdout)[0].lag === 0)
      const projections = objects(listed.stdout)
      assert.deepStrictEqual(projections.map(({ completeness, name }) => [name, completeness.missing]), [
        ["scans", 0],
        ["conversations", 0],
        ["qpr_codes", 0],
        ["subscriptions", 0]
      ])
      assert.deepInclude(projections[0], { generation: 1, durable: "scans-1", lag: 0, rebuild: null })
      const { code, stdout } = yield* ask("list")
      assert.strictEqual(code, 0)
      const [heading = "", scans = ""] = stdout.split("\n")
      assert.match(heading, /^PROJECTION +GEN +APPLIED +LAG +DEAD +MISSING +POSITION +STATE$/)
      assert.match(scans, /^scans +1 +300 +0 +0 +0 +\d+ +up to date$/)
      assert.notInclude(stdout, "\u001b")
    }))

  it.effect("rebuild switches to a new generation and reports this", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* ask("rebuild", "scans")
      assert.deepStrictEqual([code, stderr.includes("rebuild of scans: ")], [0, true])
      assert.match(stdout, /^scans: generation 2 is live, built from 300 events in \d+\.\d s\n$/)
      const [again] = objects((yield* ask("rebuild", "scans", "--json")).stdout)
      assert.deepInclude(again, { projection: "scans", state: "switched", generation: 3 })
      assert.match(again.requested_by, /.@./)
    }))

  it.effect("verify finds no difference at first, and then one changed cell, which a dry run of a rebuild shows", () =>
    Effect.gen(function*() {
      const clean = yield* ask("verify")
      assert.strictEqual(clean.code, 0)
      assert.match(clean.stdout, /^scans +equal +300 +300 +0 +0 +0$/m)
      assert.match(clean.stdout, /^subscriptions +equal +0 +0 +0 +0 +0$/m)
      const sql = yield* SqlClient
      yield* sql`update scans set city = 'Elsewhere' where id = 'scan_of_evt_7'`
      const verified = yield* ask("verify", "scans", "--json")
      assert.strictEqual(verified.code, 1)
      assert.match(verified.stderr, /threeqpr: scans does not match the log/)
      assert.deepInclude(objects(verified.stdout)[0].result.tables.scans, { equal: false, different: 1 })
      const dry = yield* ask("rebuild", "scans", "--dry-run")
      assert.strictEqual(dry.code, 1)
      assert.match(dry.stdout, /^scans +differs +300 +300 +0 +0 +1$/m)
      assert.match(dry.stdout, /^scans +differs +scan_of_evt_7 +city +Elsewhere +null$/m)
      assert.strictEqual((yield* ask("rebuild", "scans")).code, 0)
      assert.strictEqual((yield* ask("verify", "scans")).code, 0)
    }))

  it.effect("report an unknown projection, and that no rebuild is running", () =>
    Effect.gen(function*() {
      const unknown = yield* ask("rebuild", "nothing")
      assert.deepStrictEqual([unknown.code, unknown.stdout], [1, ""])
      assert.include(unknown.stderr, "The projections are: scans, conversations, qpr_codes, subscriptions")
      for (const command of ["watch", "cancel"]) {
        const idle = yield* ask(command, "scans")
        assert.deepStrictEqual([idle.code, idle.stderr], [
          1,
          "threeqpr: No rebuild of scans is running.\n"
        ])
      }
    }))
})

describe("threeqpr projections", () => {
  it.live.each(["list", "rebuild scans", "verify", "watch scans", "cancel scans"])(
    "%s exits 1 and says what to do when nothing answers",
    (command) =>
      Effect.gen(function*() {
        const args = ["projections", ...command.split(" "), "--admin-url", "http://127.0.0.1:1"]
        const { code, stderr, stdout } = yield* threeqpr(args)
        assert.deepStrictEqual([code, stdout], [1, ""])
        assert.include(stderr, "threeqpr serve")
      })
  )

  it.live.each(["rebuild", "rebuild Scans!", "list --jsn", "verify scans --dry-run", "cancel"])(
    "%s exits 2, with a pointer to the help on standard error",
    (command) =>
      Effect.gen(function*() {
        const { code, stderr, stdout } = yield* threeqpr(["projections", ...command.split(" ")])
        assert.deepStrictEqual([code, stdout], [2, ""])
        assert.include(stderr, "--help` shows")
      })
  )

  it.live.each(["list", "rebuild", "verify", "watch", "cancel"])(
    "%s shows examples with --help",
    (command) =>
      Effect.gen(function*() {
        const { code, stdout } = yield* threeqpr(["projections", command, "--help"])
        assert.strictEqual(code, 0)
        assert.match(stdout, new RegExp(`EXAMPLES\n(.*\n)+ +threeqpr projections ${command}`))
      })
  )
})

const startRebuild = (admin: string) =>
  send(`${admin}/v1/projections/scans/rebuild`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `{"by":"the tests"}`
  })

const untilGeneration = (admin: string, generation: number) =>
  Effect.repeat(Effect.delay(send(`${admin}/v1/projections`), "100 millis"), {
    until: ({ body }) => JSON.stringify(body).includes(`"name":"scans","generation":${generation}`)
  })

const onlyGenerationTwo = Effect.repeat(Effect.delay(durables, "200 millis"), {
  until: (names) => names.join() === "conversations-1,qpr_codes-1,scans-2,subscriptions-1"
})

describe("a rebuild over several processes", () => {
  it.live(
    "continues when one projector is killed, and when all are killed and a new one starts",
    () =>
      Effect.gen(function*() {
        const events = 30_000
        const { environment } = yield* Shared
        const admin = yield* serve(environment, ["--role", "admin"])
        const projector = serve(environment, ["--role", "projector"])
        const [first, second] = yield* Effect.all([projector, projector], { concurrency: 2 })
        yield* appendScans(0, events)
        yield* untilCount("scans_applied_1", events)
        assert.strictEqual((yield* startRebuild(admin.admin)).status, 202)
        yield* Effect.eventually(untilCount("scans_applied_2", 1_000))
        yield* first.end("SIGKILL")
        yield* untilCount("scans_applied_2", (yield* countOf("scans_applied_2")) + 2_000)
        yield* second.end("SIGKILL")
        assert.isBelow(yield* countOf("scans_applied_2"), events, "both were killed in the middle")
        yield* projector
        yield* untilGeneration(admin.admin, 2)
        assert.strictEqual(yield* countOf("scans"), events)
        yield* onlyGenerationTwo
        const { code, stdout } = yield* threeqpr([
          "projections",
          "verify",
          "scans",
          "--admin-url",
          admin.admin
        ])
        assert.strictEqual(code, 0, stdout)
      }).pipe(Effect.scoped, Effect.provide(Shared.layer)),
    120_000
  )

  it.live(
    "is not affected by a projector that is suspended during the switch and holds events of the old generation",
    () =>
      Effect.gen(function*() {
        const { environment } = yield* Shared
        const [awake, asleep] = yield* Effect.all([
          serve(environment),
          serve(environment, ["--role", "projector"])
        ], { concurrency: 2 })
        yield* appendScans(0, 500)
        yield* untilCount("scans", 500)
        yield* standStill(asleep.pid)
        // The broker delivers some of these events to the suspended projector.
        yield* appendScans(500, 1_500)
        assert.strictEqual((yield* startRebuild(awake.admin)).status, 202)
        yield* untilGeneration(awake.admin, 2)
        yield* onlyGenerationTwo
        yield* Effect.sync(() => process.kill(asleep.pid, "SIGCONT"))
        yield* appendScans(1_500, 1_600)
        yield* untilCount("scans", 1_600)
        yield* Effect.repeat(Effect.delay(send(`${asleep.admin}/readyz`), "100 millis"), {
          until: ({ status }) => status === 200
        })
        yield* Effect.sleep("2 seconds")
        assert.strictEqual((yield* send(`${asleep.admin}/readyz`)).status, 200)
        yield* onlyGenerationTwo
        yield* Effect.provide(noLetters, DeadLetters.layer)
        assert.strictEqual(yield* countOf("scans"), 1_600)
        assert.strictEqual((yield* Effect.flatMap(EventLog, ({ state }) => state)).entries, 1_600)
      }).pipe(Effect.scoped, Effect.provide(Shared.layer)),
    120_000
  )

  it.live(
    "waits for a projector, reports that, continues when no client watches, and can be cancelled",
    () =>
      Effect.gen(function*() {
        const { environment } = yield* Shared
        const projector = yield* serve(environment, ["--role", "projector"])
        const { admin } = yield* serve(environment, ["--role", "admin"])
        yield* projector.end("SIGTERM")
        const watched = yield* running(["projections", "rebuild", "scans", "--admin-url", admin])
        yield* watched.line("stderr", /There was no progress for 15 s, because no projector has started it/)
        assert.strictEqual(yield* watched.end("SIGINT"), 130)
        yield* watched.line("stderr", /continues.*projections watch scans.*projections cancel scans/)
        const again = yield* threeqpr(["projections", "rebuild", "scans", "--admin-url", admin])
        assert.strictEqual(again.code, 1)
        assert.match(again.stderr, /is already running/)
        const watch = yield* running(["projections", "watch", "scans", "--admin-url", admin])
        yield* watch.line("stderr", /rebuild of scans: 0 of 0 events/)
        const cancelled = yield* threeqpr(["projections", "cancel", "scans", "--admin-url", admin])
        assert.deepStrictEqual([cancelled.code, cancelled.stderr], [0, ""])
        yield* watch.line("stderr", /threeqpr: The rebuild of scans .* was cancelled/)
      }).pipe(Effect.scoped, Effect.provide(Shared.layer)),
    120_000
  )
})
