// Runs: long

import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { platform } from "../support/Broker.ts"
import { newDatabase, newStores } from "../support/Databases.ts"
import { deliver, send } from "../support/Http.ts"
import { live, type LiveStream } from "../support/LiveStream.ts"
import * as NatsProcess from "../support/NatsProcess.ts"
import { serve, threeqpr } from "../support/Serve.ts"
import { poll } from "../support/Until.ts"
import { scanCreated, secret, signed } from "../support/Webhook.ts"

const THREEQPR_WEBHOOK_SECRET = Redacted.value(secret)

const stored = (client: LiveStream) => client.statuses().at(-1)?.totals?.deliveries["stored"]

describe("/v1/live of serve", () => {
  it.live(
    "sums the totals of several receivers, and reports no negative rate after one is killed and restarted",
    () =>
      Effect.gen(function*() {
        const broker = yield* NatsProcess.start()
        const databaseUrl = yield* newDatabase
        const environment = {
          NATS_URL: broker.url,
          NATS_TOKEN: broker.token,
          DATABASE_URL: databaseUrl,
          THREEQPR_WEBHOOK_SECRET
        }
        const ingress = serve(environment, ["--role", "ingress"])
        const { admin } = yield* serve(environment, ["--role", "admin", "--role", "projector"])
        const [first, second] = yield* Effect.all([ingress, ingress])
        const client = yield* live(admin)
        yield* client.until(() => client.statuses().at(-1)?.instances === 2)
        for (const id of ["evt_1", "evt_2", "evt_3"]) yield* deliver(first.webhook, signed(scanCreated(id)))
        yield* deliver(second.webhook, signed(scanCreated("evt_4")))
        yield* send(second.webhook, { method: "POST", body: "without a signature" })
        yield* client.until(() =>
          stored(client) === 4 && client.statuses().at(-1)?.totals?.projected["scans"] === 4
        )
        const status = client.statuses().at(-1)
        assert.strictEqual(status?.totals?.deliveries["missing_signature"], 1)
        assert.deepStrictEqual(
          status?.processes.map(({ roles }) => roles.join(" ")).toSorted(),
          ["ingress", "ingress", "projector admin"]
        )
        assert.isTrue(client.statuses().some(({ rates }) => (rates?.deliveries["stored"] ?? 0) > 0))
        yield* client.until(() => client.sequences().length === 4)
        yield* first.end("SIGKILL")
        yield* client.until(() => client.statuses().at(-1)?.instances === 1 && stored(client) === 1)
        const third = yield* ingress
        yield* client.until(() => client.statuses().at(-1)?.instances === 2)
        yield* deliver(third.webhook, signed(scanCreated("evt_5")))
        yield* client.until(() => stored(client) === 2)
        const rates = client.statuses().flatMap(({ rates }) => Object.values(rates?.deliveries ?? {}))
        assert.isTrue(rates.every((rate) => rate >= 0))
      }).pipe(Effect.scoped, Effect.provide(platform)),
    120_000
  )

  it.live("requires the token, and closes its streams first on shutdown, whether they are read or not", () =>
    Effect.gen(function*() {
      const { admin, end, webhook } = yield* serve({
        ...(yield* newStores),
        THREEQPR_WEBHOOK_SECRET,
        ADMIN_TOKEN: "token_of_the_tests"
      })
      assert.strictEqual((yield* send(`${admin}/v1/live`)).status, 401)
      const headers = { authorization: "Bearer token_of_the_tests" }
      const reader = yield* live(admin, { headers })
      const sleeper = yield* live(admin, { headers })
      yield* sleeper.until(() => sleeper.statuses().length > 0)
      sleeper.pause()
      yield* deliver(webhook, signed(scanCreated("evt_1")))
      yield* reader.until(() => reader.sequences().length === 1)
      const code = yield* Effect.all([end("SIGTERM"), reader.ended], { concurrency: 2 })
      assert.deepStrictEqual(code, [0, true])
      assert.match(reader.text(), /retry: \d+\n\n$/)
    }).pipe(Effect.scoped, Effect.provide(platform)))

  it.live(
    "reports what is not ready while the broker is down, and continues without a gap afterwards",
    () =>
      Effect.gen(function*() {
        const broker = yield* NatsProcess.start()
        const { admin, webhook } = yield* serve({
          ...(yield* newStores),
          NATS_URL: broker.url,
          NATS_TOKEN: broker.token,
          THREEQPR_WEBHOOK_SECRET
        })
        const client = yield* live(admin)
        yield* client.until(() =>
          client.statuses().at(-1)?.ready === true && client.messages.at(-1)?.id !== undefined
        )
        yield* broker.signal("SIGKILL")
        yield* client.until(() => client.statuses().at(-1)?.ready === false)
        yield* client.until(() => client.statuses().at(-1)?.stream === null)
        assert.isTrue(client.statuses().at(-1)?.faults.some(({ part }) => part === "event log"))
        yield* broker.start
        yield* client.until(() => client.statuses().at(-1)?.ready === true)
        yield* poll(deliver(webhook, signed(scanCreated("evt_after"))), ({ status }) => status === 200)
        yield* client.until(() => client.sequences().length === 1)
      }).pipe(Effect.scoped, Effect.provide(platform)),
    120_000
  )
})

describe("threeqpr events get --life", () => {
  it.live("shows the life of an event as a table, and as JSON", () =>
    Effect.gen(function*() {
      const { admin, webhook } = yield* serve({ ...(yield* newStores), THREEQPR_WEBHOOK_SECRET })
      yield* deliver(webhook, signed(scanCreated("evt_1")))
      yield* poll(send(`${admin}/v1/scans/scan_of_evt_1`), ({ status }) => status === 200)
      const table = yield* threeqpr(["events", "get", "evt_1", "--life", "--admin-url", admin])
      assert.strictEqual(table.code, 0)
      assert.match(table.stdout, /^stored +sequence \d+ +3qpr\.events\.scan\.created +received \S+, signed$/m)
      assert.match(table.stdout, /^projection +scans-1 +applied +at sequence \d+$/m)
      assert.match(table.stdout, /^projection +conversations-1 +not_mine$/m)
      assert.match(table.stdout, /^row +scans scan_of_evt_1 +current$/m)
      const json = yield* threeqpr(["events", "get", "evt_1", "--life", "--json", "--admin-url", admin])
      assert.deepInclude(JSON.parse(json.stdout), { id: "evt_1", type: "scan.created", dead_letters: [] })
      const both = yield* threeqpr(["events", "get", "evt_1", "--life", "--raw", "--admin-url", admin])
      assert.strictEqual(both.code, 2)
      const none = yield* threeqpr(["events", "get", "evt_0", "--life", "--admin-url", admin])
      assert.deepStrictEqual([none.code, none.stdout], [1, ""])
    }).pipe(Effect.scoped, Effect.provide(platform)))
})
