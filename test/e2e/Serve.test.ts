// Runs: broker

import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Redacted, type Scope } from "effect"
import { connect } from "nats"
import { spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { probeSubject, stream } from "../../src/EventLog/Names.ts"
import { NatsServer } from "../../src/Nats/Server.ts"
import { readConnection } from "../../src/Nats/Server/Connection.ts"
import * as Broker from "../support/Broker.ts"
import { newDatabase, newDataDir, newEmbeddedDataDir } from "../support/Databases.ts"
import { deliver, send } from "../support/Http.ts"
import { serve, threeqpr } from "../support/Serve.ts"
import { poll, until } from "../support/Until.ts"
import { scanCreated, secret, signed } from "../support/Webhook.ts"

/** The settings of `serve`, and the address of its broker. */
interface SetUp {
  readonly environment: Readonly<Record<string, string>>
  readonly broker: Effect.Effect<{ url: string; token: string; pid: number }>
}

const embedded: Effect.Effect<SetUp, never, Scope.Scope> = Effect.gen(function*() {
  const dataDir = yield* newEmbeddedDataDir
  return {
    environment: { DATA_DIR: dataDir, THREEQPR_WEBHOOK_SECRET: Redacted.value(secret) },
    broker: readConnection(dataDir).pipe(
      Effect.map(({ pid, token, url }) => ({ pid, token: Redacted.value(token), url })),
      Effect.provide(Broker.platform),
      Effect.orDie
    )
  }
})

const external = Effect.gen(function*() {
  const dataDir = yield* newDataDir
  const { pid, token, url } = Context.get(yield* Layer.build(Broker.layer), NatsServer)
  const databaseUrl = yield* newDatabase
  return {
    environment: {
      DATA_DIR: dataDir,
      THREEQPR_WEBHOOK_SECRET: Redacted.value(secret),
      NATS_URL: url,
      NATS_TOKEN: Redacted.value(token),
      DATABASE_URL: databaseUrl
    },
    broker: Effect.map(pid, (pid) => ({ pid: pid ?? 0, token: Redacted.value(token), url }))
  } satisfies SetUp
})

/** The ids in the stream, in stream order. */
const idsInStream = ({ broker }: SetUp) =>
  Effect.flatMap(broker, ({ token, url }) =>
    Effect.promise(async () => {
      const connection = await connect({ servers: url, token })
      const manager = await connection.jetstreamManager()
      const { state } = await manager.streams.info(stream)
      const consumer = await connection.jetstream().consumers.get(stream)
      const ids: Array<string> = []
      if (state.messages > 0) {
        for await (const message of await consumer.consume()) {
          if (message.subject !== probeSubject) ids.push(message.headers?.get("Nats-Msg-Id") ?? "")
          if (message.info.pending === 0) break
        }
      }
      await connection.close()
      return ids
    }))

const scansAt = (admin: string, query = "") =>
  Effect.map(
    send(`${admin}/v1/scans?${query}`),
    ({ body }) => body as { readonly total: number; readonly scans: ReadonlyArray<{ readonly id: string }> }
  )

/** Waits until the read model has this number of scans. */
const untilScans = (admin: string, total: number) => poll(scansAt(admin), (answer) => answer.total >= total)

const childrenOf = (pid: number): ReadonlyArray<number> =>
  readdirSync("/proc").map(Number).filter((candidate) => {
    try {
      return candidate > 0 &&
        /^PPid:\s(\d+)$/m.exec(readFileSync(`/proc/${candidate}/status`, "utf8"))?.[1] === String(pid)
    } catch {
      return false
    }
  })

const descendantsOf = (pid: number): ReadonlyArray<number> =>
  childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)])

const isAlive = (pid: number) => {
  try {
    return !/^State:\sZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}

const suite = <E>(name: string, setUp: Effect.Effect<SetUp, E, Scope.Scope>) =>
  describe(`serve on ${name}`, () => {
    it.live("stores a body that openssl signed and curl sent once, and refuses it with a changed byte", () =>
      Effect.gen(function*() {
        const { environment } = yield* setUp
        const { admin, webhook } = yield* serve(environment)
        const body = scanCreated("evt_curl", { country: "CH" })
        const signature = spawnSync("openssl", ["dgst", "-sha256", "-hmac", Redacted.value(secret)], {
          input: body
        })
          .stdout.toString().split("= ")[1]?.trim()
        const curl = (data: string) =>
          spawnSync("curl", [
            "-s",
            "-w",
            " %{http_code}",
            "-H",
            `X-3QPR-Signature: sha256=${signature}`,
            "--data-binary",
            data,
            webhook
          ]).stdout.toString()
        assert.strictEqual(curl(body), `{"ok":true,"id":"evt_curl","duplicate":false} 200`)
        assert.strictEqual(curl(body), `{"ok":true,"id":"evt_curl","duplicate":true} 200`)
        assert.strictEqual(curl(body.replace("CH", "DE")), `{"error":"invalid_signature"} 400`)
        const { scans } = yield* untilScans(admin, 1)
        assert.deepStrictEqual(scans.map(({ id }) => id), ["scan_of_evt_curl"])
      }).pipe(Effect.scoped))

    it.live("stores unknown types, quarantines invalid input, and projects 20 triggered scans", () =>
      Effect.gen(function*() {
        const set = yield* setUp
        const { admin, webhook } = yield* serve(set.environment)
        const unknown = yield* deliver(webhook, signed(`{"id":"evt_new","event":"menu.opened","data":{}}`))
        assert.deepStrictEqual(unknown.body, { ok: true, id: "evt_new", duplicate: false })
        const garbage = yield* deliver(webhook, signed("not json"))
        assert.strictEqual(garbage.status, 200)
        assert.include(garbage.body, { quarantined: "invalid_json" })
        const triggered = yield* threeqpr(
          ["trigger", "scan.created", "--count", "20", "--duplicate", "--json", "--url", webhook],
          set.environment
        )
        assert.strictEqual(triggered.code, 0, triggered.stderr)
        const answers = triggered.stdout.trim().split("\n").map((line) => JSON.parse(JSON.parse(line).answer))
        assert.strictEqual(answers.filter(({ duplicate }) => duplicate === false).length, 20)
        assert.strictEqual(answers.filter(({ duplicate }) => duplicate === true).length, 20)
        const { scans, total } = yield* untilScans(admin, 20)
        assert.strictEqual(total, 20)
        assert.strictEqual(scans.length, 20)
        assert.strictEqual((yield* idsInStream(set)).length, 22)
      }).pipe(Effect.scoped))

    it.live("exits 0 on SIGTERM and SIGINT, leaves no child process, and starts again with its rows", () =>
      Effect.gen(function*() {
        const { environment } = yield* setUp
        for (const [signal, total] of [["SIGTERM", 1], ["SIGINT", 2]] as const) {
          const { admin, end, logs, pid, webhook } = yield* serve(environment)
          assert.strictEqual((yield* deliver(webhook, signed(scanCreated(`evt_${signal}`)))).status, 200)
          yield* untilScans(admin, total)
          const children = descendantsOf(pid)
          assert.strictEqual(yield* end(signal), 0)
          yield* until("no child", Effect.sync(() => children.filter(isAlive)), ({ length }) => length === 0)
          const lines = yield* until(
            "the line of the stop",
            Effect.sync(() => [...logs]),
            (all) => all.some((line) => line.startsWith("stopped after "))
          )
          assert.isTrue(
            lines.some((line) => line.startsWith("stopping: finishing requests and batches in progress"))
          )
        }
        const { admin } = yield* serve(environment)
        assert.strictEqual((yield* scansAt(admin)).total, 2)
      }).pipe(Effect.scoped))

    it.live("has every event answered 200 once in the stream and once in the read model after kill -9 of all processes", () =>
      Effect.gen(function*() {
        const set = yield* setUp
        const run = randomBytes(4).toString("hex")
        const accepted = new Set<string>()
        const refused = new Set<string>()
        let sent = 0
        let stop = false
        const first = yield* serve(set.environment)
        const load = (webhook: string) =>
          Effect.gen(function*() {
            while (!stop) {
              const id = `evt_${run}_${sent++}`
              const answer = yield* Effect.exit(deliver(webhook, signed(scanCreated(id))))
              if (answer._tag === "Success" && answer.value.status === 200) accepted.add(id)
              else {
                refused.add(id)
                yield* Effect.sleep("50 millis")
              }
            }
          })
        const loading = yield* Effect.forkChild(
          Effect.all(Array.from({ length: 16 }, () => load(first.webhook)), { concurrency: "unbounded" })
        )
        yield* Effect.repeat(Effect.sleep("1 millis"), { until: () => accepted.size >= 300 })
        const { pid } = yield* set.broker
        process.kill(pid, "SIGKILL")
        yield* Effect.repeat(Effect.sleep("1 millis"), { until: () => refused.size > 0 })
        const before = accepted.size
        yield* Effect.repeat(Effect.sleep("1 millis"), { until: () => accepted.size >= before + 300 })
        const children = descendantsOf(first.pid)
        yield* first.end("SIGKILL")
        stop = true
        yield* Fiber.join(loading)
        yield* poll(Effect.sync(() => children.filter(isAlive).length), (alive) => alive === 0)

        const second = yield* serve(set.environment)
        for (const id of refused) {
          const retry = yield* deliver(second.webhook, signed(scanCreated(id)))
          assert.strictEqual(retry.status, 200)
          accepted.add(id)
        }
        const stored = yield* idsInStream(set)
        assert.strictEqual(new Set(stored).size, stored.length, "an id is twice in the stream")
        assert.deepStrictEqual(
          [...accepted].filter((id) => !stored.includes(id)),
          [],
          "accepted, not in the stream"
        )
        const { total } = yield* untilScans(second.admin, stored.length)
        assert.strictEqual(total, stored.length)
        const rows = new Set<string>()
        for (let offset = 0; offset < total; offset += 200) {
          const page = yield* scansAt(second.admin, `limit=200&offset=${offset}`)
          for (const { id } of page.scans) rows.add(id)
        }
        assert.deepStrictEqual(stored.filter((id) => !rows.has(`scan_of_${id}`)), [])
      }).pipe(Effect.scoped))
  })

suite("embedded engines", embedded)
suite("an external NATS and Postgres", external)

describe("serve in several processes, one role each", () => {
  it.live("receives in one process, projects in two without applying twice, and answers queries in another", () =>
    Effect.gen(function*() {
      const { environment } = yield* external
      const [ingress, admin] = yield* Effect.all([
        serve(environment, ["--role", "ingress"]),
        serve(environment, ["--role", "admin"]),
        serve(environment, ["--role", "projector"]),
        serve(environment, ["--role", "projector"])
      ], { concurrency: "unbounded" })
      const ids = Array.from({ length: 300 }, (_, index) => `evt_${index}`)
      yield* Effect.forEach(ids, (id) => deliver(ingress.webhook, signed(scanCreated(id))), {
        concurrency: 16
      })
      yield* untilScans(admin.admin, ids.length)
      assert.strictEqual((yield* scansAt(admin.admin)).total, ids.length)
      assert.strictEqual(admin.webhook, "")
      assert.strictEqual((yield* send(`${ingress.admin}/v1/scans`)).status, 404)
      assert.strictEqual((yield* send(`${ingress.admin}/readyz`)).status, 200)
    }).pipe(Effect.scoped))
})
