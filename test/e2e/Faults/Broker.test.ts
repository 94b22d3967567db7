// Runs: long

import { assert, layer } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import process from "node:process"
import {
  costOf,
  endOf,
  healthOf,
  partsOf,
  Scene,
  slowerThan,
  untilReadiness
} from "../../support/Faults/Scene.ts"
import { until } from "../../support/Until.ts"

const isLong = process.env["FAULTS_LONG"] === "1"

/** The number of bodies that are being delivered and have not been accepted yet. */
const waiting = ({ ledger }: Scene["Service"]) =>
  [...ledger.sent.values()].filter(({ accepted, kind, open }) => open && accepted === 0 && kind !== "forged")
    .length

/** Kills the broker and starts it again after some seconds, without any other fault. */
const away = Effect.fnUntraced(function*(seconds: number) {
  const scene = yield* Scene
  const { answered, system, traffic, whole } = scene
  const parts = partsOf(system)
  const pids = () => parts.map((part) => part.now()?.pid)
  const before = pids()
  const load = yield* traffic({ rate: 4 })
  yield* answered(4, 200)
  yield* system.broker.signal("SIGKILL")
  for (const part of parts) yield* untilReadiness(part, 503)
  for (const end = performance.now() + seconds * 1_000; performance.now() < end;) {
    for (const part of parts) {
      assert.strictEqual((yield* healthOf(part, "/livez")).status, 200)
      const ready = yield* healthOf(part, "/readyz")
      assert.strictEqual(ready.status, 503)
      assert.include(ready.text, "the broker is not connected")
    }
    yield* Effect.sleep("1 second")
  }
  yield* system.broker.start
  const up = performance.now()
  for (const part of parts) yield* untilReadiness(part, 200)
  // Takes two seconds on an idle machine.
  assert.isBelow(performance.now() - up, 5_000)
  yield* load.stop
  yield* whole()
  assert.deepStrictEqual(pids(), before)
})

layer(Scene.layer({ receivers: 2, projectors: 1 }), { excludeTestServices: true })(
  "when the broker fails",
  (it) => {
    // Row 1.
    it.effect("answers 503 within one second of the failure and 200 within two seconds of the return, and loses nothing", () =>
      Effect.gen(function*() {
        const scene = yield* Scene
        const { answered, ledger, system, traffic, whole } = scene
        const load = yield* traffic()
        yield* answered(100, 200)
        // A suspended broker makes requests wait, so that some are pending when it is killed.
        yield* system.broker.signal("SIGSTOP")
        yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => waiting(scene) >= 50 })
        const killed = performance.now()
        yield* system.broker.signal("SIGKILL")
        yield* Effect.sleep("2 seconds")
        const starting = performance.now()
        yield* system.broker.start
        const up = performance.now()
        yield* answered(200, 200, up)
        yield* load.stop
        const { attempts } = ledger
        const atItsEnd = attempts.filter((attempt) =>
          attempt.status === 503 && attempt.at < killed && endOf(attempt) >= killed
        )
        assert.isAtLeast(atItsEnd.length, 30)
        // The time of a request that was pending counts from the kill. On a busy machine, some arrive after the return.
        const refused = attempts.filter((one) =>
          one.at < starting && endOf(one) >= killed && one.status !== 200
        )
        const since = refused.map((one) => ({ ...one, took: endOf(one) - Math.max(one.at, killed) }))
        assert.deepStrictEqual(slowerThan(1_000, since), [])
        const meanwhile = attempts.filter((one) => one.at >= killed && endOf(one) < starting)
        assert.isAbove(meanwhile.length, 100)
        assert.deepStrictEqual(meanwhile.filter(({ status }) => status === 200), [])
        const first = Math.min(
          ...attempts.filter(({ status }) => status === 200).map(endOf).filter((end) => end >= up)
        )
        assert.isBelow(first - up, 2_000 + costOf(ledger.since(up)))
        yield* whole()
      }))

    // Row 2.
    it.effect(
      "changes nothing twice when it is killed directly after acks and redelivers those events",
      () =>
        Effect.gen(function*() {
          const { answered, system, traffic, whole } = yield* Scene
          const acked = new Map<string, number>()
          let fresh = 0
          let enough = yield* Deferred.make<void>()
          yield* system.brokerNetwork.overhear((piece, from) => {
            if (from !== "client") return
            for (const [, place = ""] of piece.toString("latin1").matchAll(ackOf)) {
              acked.set(place, (acked.get(place) ?? 0) + 1)
              if (acked.get(place) === 1) fresh++
            }
            if (fresh >= 100) Deferred.doneUnsafe(enough, Effect.void)
          })
          const load = yield* traffic({ rate: 400 })
          const again = () => [...acked.values()].filter((times) => times > 1).length
          // Whether the broker has stored an ack when it is killed varies from run to run.
          for (let kills = 0; kills < 3 || (again() === 0 && kills < 10); kills++) {
            fresh = 0
            enough = yield* Deferred.make<void>()
            yield* Deferred.await(enough)
            yield* system.broker.signal("SIGKILL")
            yield* system.broker.start
            yield* answered(50, 200)
          }
          yield* load.stop
          yield* whole()
          assert.isAbove(again(), 0, "no event was acknowledged twice: nothing was tested")
        }),
      // Ten kills beside other tests.
      300_000
    )

    // Row 4.
    it.effect("detects within 15 seconds that it is suspended; the retry of an event that was stored late is a duplicate", () =>
      Effect.gen(function*() {
        const scene = yield* Scene
        const { answered, attempt, event, ledger, system, traffic, whole } = scene
        const load = yield* traffic({ rate: 10 })
        yield* answered(10, 200)
        yield* system.broker.signal("SIGSTOP")
        const stopped = performance.now()
        const late = event("evt_late")
        assert.strictEqual((yield* attempt(late)).status, 503)
        for (const receiver of system.receivers) {
          yield* until(
            "not connected",
            healthOf(receiver, "/readyz"),
            ({ text }) => text.includes("the broker is not connected")
          )
        }
        assert.isBelow(performance.now() - stopped, 15_000)
        const noticed = performance.now()
        yield* answered(20, 503)
        assert.deepStrictEqual(slowerThan(1_000, ledger.since(noticed)), [])
        yield* system.broker.signal("SIGCONT")
        const going = performance.now()
        for (const part of partsOf(system)) yield* untilReadiness(part, 200)
        yield* answered(20, 200, going)
        yield* load.stop
        const during = ledger.since(stopped).filter((one) => endOf(one) < going)
        assert.deepStrictEqual(during.filter(({ took }) => took >= 4_500), [])
        assert.deepInclude((yield* attempt(late)).body, { duplicate: true })
        yield* whole()
      }))

    // Row 3. The client library gives up permanently by default after some 20 seconds.
    it.effect(
      "stays alive without the broker for 35 seconds, reports this, and recovers without a restart",
      () => away(35),
      90_000
    )

    it.effect.skipIf(!isLong)(
      "stays alive without the broker for five minutes (only with FAULTS_LONG=1)",
      () => away(300),
      400_000
    )
  }
)

// NATS ADR-15: consumer, delivery count, sequence. A repeated match is a delivery that is not flagged as a
// redelivery.
const ackOf = /PUB \$JS\.ACK\.3QPR_EVENTS\.([^. ]+\.\d+\.\d+)\.\S+ \d+\r\n\+ACK/g
