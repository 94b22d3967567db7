// Runs: long, node first

import { assert, layer } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import process from "node:process"
import { Scene } from "../../support/Faults/Scene.ts"
import { unfinished } from "../../support/Faults/Stored.ts"
import type { System } from "../../support/Faults/System.ts"
import { until } from "../../support/Until.ts"

/** The number of statements that wait for a lock. */
const blocked = ({ query }: System) =>
  query(Effect.flatMap(SqlClient, (sql) =>
    sql<{ readonly n: number }>`
    select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock'`)).pipe(
      Effect.map(([row]) => row?.n ?? 0)
    )

const countOf = ({ query }: System, table: string) =>
  query(
    Effect.flatMap(SqlClient, (sql) =>
      sql.unsafe<{ readonly n: number }>(`select count(*)::int as n from ${table}`))
  )
    .pipe(Effect.map(([row]) =>
      row?.n ?? 0
    ))

/** Locks a table before `body` runs and until it ends. */
const whileLocked = <A, E, R>({ query }: System, table: string, body: Effect.Effect<A, E, R>) =>
  Effect.flatMap(
    Effect.context<R>(),
    (context) =>
      query(Effect.flatMap(SqlClient, (sql) =>
        sql.withTransaction(Effect.andThen(
          sql.unsafe(`lock table ${table} in share mode`),
          Effect.provideContext(body, context)
        ))))
  )

const scans = ({ ledger }: Scene["Service"]) =>
  new Set(
    [...ledger.sent.values()].filter(({ accepted, kind, type }) =>
      kind === "event" && type === "scan.created" && accepted > 0
    ).map(({ id }) => id)
  ).size

/** Delivers events until this number of further scans is accepted. */
const more = Effect.fnUntraced(function*(scene: Scene["Service"], count: number) {
  const target = scans(scene) + count
  const load = yield* scene.traffic({ rate: 300 })
  yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => scans(scene) >= target })
  yield* load.stop
})

const ackOf = /\+ACK|\$JS\.ACK\./

layer(Scene.layer({ receivers: 1, projectors: 1 }), { excludeTestServices: true })(
  "the projectors",
  (it) => {
    // Row 11, before the commit: the process is killed while the transaction of the batch is open.
    it.effect("lose nothing to a kill before the commit; another instance takes over within 11 seconds", () =>
      Effect.gen(function*() {
        const scene = yield* Scene
        const { system, whole } = scene
        const [first] = system.projectors
        if (first === undefined) return assert.fail("no projector")
        const killed = yield* whileLocked(
          system,
          "scans_1",
          Effect.gen(function*() {
            yield* more(scene, 50)
            yield* until("a blocked batch", blocked(system), (n) => n > 0)
            yield* first.end("SIGKILL")
            return performance.now()
          })
        )
        assert.strictEqual(yield* countOf(system, "scans_applied_1"), 0)
        const other = yield* system.add("projector")
        yield* until(
          `all ${scans(scene)} scans`,
          countOf(system, "scans_applied_1"),
          (applied) => applied >= scans(scene)
        )
        // The limit allows for a busy machine.
        assert.isBelow(performance.now() - killed, 14_000)
        yield* whole()
        yield* other.end("SIGTERM")
        yield* first.start
      }))

    // Row 11, after the commit and before the ack.
    it.effect("change nothing twice after a kill between the commit and the acks", () =>
      Effect.gen(function*() {
        const scene = yield* Scene
        const { system, whole } = scene
        const [first] = system.projectors
        const before = yield* countOf(system, "scans_applied_1")
        yield* whileLocked(
          system,
          "scans_1",
          Effect.gen(function*() {
            yield* more(scene, 50)
            yield* until("a blocked batch", blocked(system), (n) => n > 0)
            yield* system.brokerNetwork.pause
          })
        )
        yield* until("a committed batch", countOf(system, "scans_applied_1"), (applied) => applied > before)
        yield* until("no blocked batch", blocked(system), (n) => n === 0)
        const left = yield* Effect.promise(() => unfinished(system.broker, "3QPR_EVENTS"))
        assert.match(left.join(), /scans-1: \d+ pending, [1-9]\d* in flight/)
        yield* first?.end("SIGKILL") ?? Effect.void
        // Drops the acks that are on their way to the broker.
        yield* system.brokerNetwork.reset
        yield* system.brokerNetwork.resume
        yield* first?.start ?? Effect.void
        yield* whole()
      }))

    // Row 11, between the acks.
    it.effect("change nothing twice after kills during the acks", () =>
      Effect.gen(function*() {
        const scene = yield* Scene
        const { answered, system, traffic, whole } = scene
        const [first] = system.projectors
        const load = yield* traffic({ rate: 150 })
        for (let kills = 0; kills < 3; kills++) {
          yield* answered(100, 200)
          const heard = yield* Deferred.make<void>()
          yield* Effect.scoped(Effect.andThen(
            system.brokerNetwork.overhear((piece, from) => {
              if (from !== "client" || !ackOf.test(piece.toString("latin1"))) return
              if (Deferred.doneUnsafe(heard, Effect.void)) process.kill(first?.now()?.pid ?? 0, "SIGKILL")
            }),
            Deferred.await(heard)
          ))
          yield* first?.end("SIGKILL") ?? Effect.void
          yield* first?.start ?? Effect.void
        }
        yield* load.stop
        yield* whole()
      }))

    // Row 12: the broker has given the batch to another projector when the first one continues.
    it.effect("are not disturbed by one that was suspended for longer than ack_wait", () =>
      Effect.gen(function*() {
        const scene = yield* Scene
        const { system, whole } = scene
        const [first] = system.projectors
        yield* whileLocked(
          system,
          "scans_1",
          Effect.gen(function*() {
            yield* more(scene, 50)
            yield* until("a blocked batch", blocked(system), (n) => n > 0)
            yield* first?.pause ?? Effect.void
          })
        )
        const other = yield* system.add("projector")
        const load = yield* scene.traffic({ rate: 100 })
        yield* Effect.sleep("12 seconds")
        yield* first?.proceed ?? Effect.void
        yield* load.stop
        yield* whole()
        yield* other.end("SIGTERM")
      }))

    // Row 13.
    it.effect("change nothing twice and skip nothing while their number grows to eight and falls to two", () =>
      Effect.gen(function*() {
        const { answered, system, traffic, whole } = yield* Scene
        const load = yield* traffic({ rate: 80 })
        const others = yield* Effect.forEach(
          Array.from({ length: 7 }, (_, at) => at),
          () => system.add("projector"),
          { concurrency: 2 }
        )
        yield* answered(200, 200)
        yield* Effect.forEach(others.slice(1), (part, at) => part.end(at % 2 === 0 ? "SIGTERM" : "SIGKILL"), {
          concurrency: "unbounded"
        })
        yield* answered(100, 200)
        yield* load.stop
        yield* whole()
      }))
  }
)
