import { Effect, Fiber } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import * as Signature from "../../../src/Signature.ts"
import * as System from "../../support/Faults/System.ts"
import { live } from "../../support/LiveStream.ts"
import { bodyOf } from "../Fill.ts"
import type { Part } from "../Part.ts"

/** Deliveries a second, made when they are due however long the ones before take. */
const rate = 1_000

/**
 * From the moment at which a delivery is due to its answer, and to its row being there for everybody: a receiver, a
 * projector and a listener with somebody at its live feed, each a process, with a broker and a Postgres.
 */
export const latency: Part = {
  name: "latency",
  about: "milliseconds from a delivery to its answer and to its row, at 1,000 a second",
  onlyWhenNamed: true,
  run: Effect.fnUntraced(function*({ seconds }) {
    const system = yield* System.make({ receivers: 1, projectors: 1 })
    const admin = yield* system.add("admin")
    const url = system.receivers[0]?.webhook ?? ""
    yield* live(admin.admin)
    const due = new Map<string, number>()
    const answered: Array<number> = []
    const visible: Array<number> = []
    let others = 0
    const post = (id: string, at: number, began: number) =>
      Effect.promise(async () => {
        const body = bodyOf(id, at)
        const headers = { [Signature.header]: Signature.sign(body, System.secret) }
        const response = await fetch(url, { method: "POST", body, headers })
        await response.arrayBuffer()
        if (response.status !== 200) return void others++
        answered.push(performance.now() - began)
      })
    const watching = yield* Effect.forkChild(Effect.forever(Effect.gen(function*() {
      const ids = [...due.keys()]
      const rows = yield* system.query(Effect.flatMap(SqlClient, (sql) =>
        sql<{ readonly event_id: string }>`
          select event_id from scans_applied_1
          where event_id in (select jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb))`))
      const now = performance.now()
      for (const { event_id } of rows) {
        visible.push(now - (due.get(event_id) ?? NaN))
        due.delete(event_id)
      }
      yield* Effect.sleep("1 millis")
    })))
    const total = rate * Math.max(10, seconds)
    const start = performance.now() + 100
    const posts: Array<Fiber.Fiber<void>> = []
    for (let made = 0; made < total;) {
      for (; made < total && start + made * 1_000 / rate <= performance.now(); made++) {
        const id = `evt_latency_${made}`
        const began = start + made * 1_000 / rate
        due.set(id, began)
        posts.push(yield* Effect.forkChild(post(id, made, began), { startImmediately: true }))
      }
      yield* Effect.sleep("1 millis")
    }
    yield* Fiber.joinAll(posts)
    yield* system.settled
    yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => due.size === 0 }).pipe(
      Effect.timeout("10 seconds")
    )
    yield* Fiber.interrupt(watching)
    return {
      rows: [["to its answer", answered] as const, ["to its row", visible] as const].map(([what, times]) => ({
        what,
        deliveries: times.length,
        ...atOf(times)
      })),
      notes: ["a row is looked for about every 2 ms, by the process that delivers"],
      failures: others > 0 || visible.length < total
        ? [`${others} others, ${visible.length} of ${total} rows`]
        : []
    }
  }, Effect.orDie)
}

const atOf = (times: Array<number>) => {
  times.sort((a, b) => a - b)
  const at = (share: number) => (times[Math.floor(share * (times.length - 1))] ?? NaN).toFixed(1)
  return { p50: at(0.5), p99: at(0.99), most: at(1) }
}
