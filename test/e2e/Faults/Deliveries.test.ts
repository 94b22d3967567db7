// Runs: long

import { assert, layer } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { connect, nanos } from "nats"
import { request } from "node:http"
import { retrySchedule } from "../../../src/Domain/RetrySchedule.ts"
import { probeSubject, stream } from "../../../src/EventLog/Names.ts"
import * as Signature from "../../../src/Signature/Signature.ts"
import type { Sent } from "../../support/Faults/Ledger.ts"
import { Scene } from "../../support/Faults/Scene.ts"
import { secret } from "../../support/Faults/System.ts"
import { until } from "../../support/Until.ts"

/** The waits between 3QPR's attempts, in milliseconds. */
const schedule = [5_000, 30_000, 120_000, 600_000, 3_600_000]

const isStoredScan = ({ accepted, kind, type }: Sent) =>
  accepted > 0 && kind === "event" && type === "scan.created"

/** Makes the stream forget the stored ids, as if the deduplication window had passed. */
const passDedupWindow = Effect.gen(function*() {
  const { broker } = (yield* Scene).system
  const connection = yield* Effect.acquireRelease(
    Effect.promise(() => connect({ servers: broker.url, token: broker.token })),
    (connection) => Effect.promise(() => connection.close())
  )
  const { streams } = yield* Effect.promise(() => connection.jetstreamManager())
  const setWindow = (millis: number) =>
    Effect.promise(() => streams.update(stream, { duplicate_window: nanos(millis) }))
  const jetstream = connection.jetstream()
  // The newest id is forgotten last.
  const isKnown = Effect.promise(() => jetstream.publish(probeSubject, undefined, { msgID: "newest" })).pipe(
    Effect.map(({ duplicate }) => duplicate)
  )
  yield* isKnown
  // nats-server up to 2.15.2 sometimes looks at its ids before it uses a changed window, and then not again for the old
  // window. Each other window makes it look again.
  let window = 200
  yield* until(
    "the end of the window",
    Effect.suspend(() => setWindow(window++)).pipe(Effect.andThen(Effect.delay(isKnown, "500 millis"))),
    (known) => !known
  )
  yield* setWindow(7_200_000)
  yield* Effect.promise(() => streams.purge(stream, { filter: probeSubject }))
})

layer(Scene.layer({ receivers: 3, projectors: 1 }), { excludeTestServices: true })("a delivery", (it) => {
  // Row 21.
  it.effect("that arrives a hundred times at once at three receivers is stored once and answered 200", () =>
    Effect.gen(function*() {
      const { attempt, event, whole } = yield* Scene
      for (let round = 0; round < 3; round++) {
        const sent = event(`evt_at_once_${round}`)
        const answers = yield* Effect.forEach(
          Array.from({ length: 100 }, (_, index) => index % 3),
          (receiver) => attempt(sent, receiver),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(answers.filter(({ status }) => status !== 200), [])
        const first = answers.filter(({ body }) => (body as { duplicate: boolean }).duplicate === false)
        assert.strictEqual(first.length, 1)
      }
      yield* whole()
    }))

  // Row 21, with a sender that ignores the answers.
  it.effect("that repeats through 3QPR's whole schedule, a thousand times faster, is stored once", () =>
    Effect.gen(function*() {
      const { attempt, event, whole } = yield* Scene
      const sent = event("evt_on_schedule")
      assert.deepInclude((yield* attempt(sent)).body, { duplicate: false })
      for (const [index, wait] of schedule.entries()) {
        yield* Effect.sleep(wait / 1_000)
        assert.deepInclude((yield* attempt(sent, (index + 1) % 3)).body, { duplicate: true })
      }
      yield* whole()
    }))

  // Row 24: the broker is down for two seconds of a schedule of 4.4. No delivery is retried for longer.
  it.effect("is stored in the end when the outage is shorter than 3QPR's schedule", () =>
    Effect.gen(function*() {
      const { answered, system, traffic, whole } = yield* Scene
      const faster = 1_000
      assert.strictEqual(schedule.reduce((a, b) => a + b), retrySchedule)
      const load = yield* traffic({ rate: 100, waits: schedule.map((wait) => wait / faster) })
      yield* answered(50, 200)
      yield* system.broker.signal("SIGKILL")
      yield* answered(200, 503)
      yield* Effect.sleep("2 seconds")
      yield* system.broker.start
      yield* answered(50, 200)
      yield* load.stop
      yield* whole()
    }))

  // Row 28.
  it.effect("whose sender disconnects after the body and before the answer is stored once", () =>
    Effect.gen(function*() {
      const { attempt, event, system, whole } = yield* Scene
      const sent = event("evt_gone")
      const published = yield* Deferred.make<void>()
      yield* system.brokerNetwork.overhear((piece, from) => {
        if (from === "client" && piece.includes(sent.id)) Deferred.doneUnsafe(published, Effect.void)
      })
      yield* system.broker.signal("SIGSTOP")
      const headers = { [Signature.header]: Signature.sign(sent.body, secret) }
      const sender = request(system.urls()[0] ?? "", { method: "POST", headers })
      sender.on("error", () => undefined).end(sent.body)
      yield* Deferred.await(published)
      sender.destroy()
      yield* system.broker.signal("SIGCONT")
      assert.deepInclude((yield* attempt(sent)).body, { duplicate: true })
      yield* whole()
    }))

  // Row 22.
  it.effect("that is replayed after the dedup window is stored again, never applied again, and counted", () =>
    Effect.gen(function*() {
      const { answered, attempt, ledger, system, traffic, whole } = yield* Scene
      const load = yield* traffic()
      yield* answered(150, 200)
      yield* load.stop
      yield* whole()
      const old = [...ledger.sent.values()].filter(isStoredScan).slice(0, 50)
      yield* passDedupWindow
      for (const sent of old) assert.deepInclude((yield* attempt(sent)).body, { duplicate: false })
      const { projections } = yield* whole({ replayed: new Set(old.map(({ id }) => id)) })
      assert.strictEqual(projections.find(({ name }) => name === "scans")?.repeated, old.length)
      const [{ count } = { count: 0 }] = yield* system.query(
        Effect.orDie(
          Effect.flatMap(
            SqlClient,
            (sql) =>
              sql<
                { readonly count: number }
              >`select count(*)::int as count from repeated where name = 'scans'`
          )
        )
      )
      assert.strictEqual(count, old.length)
    }))
})
