import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Agent, get, request } from "node:http"
import * as Signature from "../../../src/Signature/Signature.ts"
import * as System from "../../support/Faults/System.ts"
import { bodyOf } from "../Fill.ts"
import type { Part } from "../Part.ts"

/** Deliveries a second. Each starts when it is due, even if earlier ones are still running. */
const rate = 1_000

/**
 * Measures from the moment when a delivery is due to its answer, and to the commit of its row. A receiver, a
 * projector and a listener with a client of its live feed run as separate processes. Postgres records the commit
 * times.
 */
export const latency: Part = {
  name: "latency",
  about: "milliseconds from a delivery to its answer and to its row, at 1,000 a second",
  onlyWhenNamed: true,
  run: Effect.fnUntraced(function*({ seconds }) {
    const system = yield* System.make({ receivers: 1, projectors: 1, direct: true })
    const admin = yield* system.add("admin")
    yield* system.query(
      Effect.flatMap(SqlClient, (sql) => sql`alter system set track_commit_timestamp = on`)
    )
    yield* system.postgres.stop
    yield* system.postgres.start
    yield* watch(admin.admin)
    const total = rate * Math.max(10, seconds)
    // The first seconds are not counted, because the processes are still warming up.
    const warm = 3 * rate
    const { answered, due, others } = yield* Effect.promise(() =>
      deliver(system.receivers[0]?.webhook ?? "", total + warm)
    )
    yield* system.settled
    const rows = yield* system.query(
      Effect.flatMap(SqlClient, (sql) =>
        sql<{ readonly event_id: string; readonly at: number }>`
        select event_id, extract(epoch from pg_xact_commit_timestamp(xmin))::float8 * 1000 as at from scans_1`)
    )
    const visible = rows.map(({ at, event_id }) =>
      [numberOf(event_id), at - (due[numberOf(event_id)] ?? NaN)] as const
    )
    const counted = (times: ReadonlyArray<readonly [at: number, millis: number]>) =>
      times.filter(([at]) => at >= warm).map(([, millis]) => millis)
    return {
      rows: [["to its answer", counted(answered)] as const, ["to its row", counted(visible)] as const].map(
        ([what, times]) => ({ what, deliveries: times.length, ...atOf(times) })
      ),
      notes: [],
      failures: others > 0 || rows.length !== total + warm ? [`${others} others, ${rows.length} rows`] : []
    }
  }, Effect.orDie)
}

/** A client that reads the whole live feed. */
const watch = (admin: string) =>
  Effect.acquireRelease(
    Effect.callback<ReturnType<typeof get>>((resume) => {
      const request = get(`${admin}/v1/live`, (response) => {
        response.resume()
        resume(Effect.succeed(request))
      })
    }),
    (request) => Effect.sync(() => request.destroy())
  )

const numberOf = (id: string) => Number(id.slice(id.lastIndexOf("_") + 1))

const now = () => performance.timeOrigin + performance.now()

/**
 * Sends `total` deliveries at the rate. Returns when each was due, and how long its answer took from then, in
 * milliseconds.
 */
const deliver = (url: string, total: number) =>
  new Promise<{
    readonly due: ReadonlyArray<number>
    readonly answered: ReadonlyArray<readonly [at: number, millis: number]>
    readonly others: number
  }>((resolve, reject) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 64 })
    const due: Array<number> = []
    const answered: Array<readonly [number, number]> = []
    let others = 0
    const start = now() + 100
    const post = (at: number) => {
      const began = start + at * 1_000 / rate
      due.push(began)
      const body = bodyOf(`evt_latency_${at}`, at)
      const headers = {
        [Signature.header]: Signature.sign(body, System.secret),
        "content-length": body.length
      }
      request(url, { method: "POST", agent, headers }, (response) => {
        response.resume().on("end", () => {
          if (response.statusCode === 200) answered.push([at, now() - began])
          else others++
          if (answered.length + others < total) return
          clearInterval(timer)
          agent.destroy()
          resolve({ due, answered, others })
        })
      }).on("error", reject).end(body)
    }
    const timer = setInterval(() => {
      while (due.length < total && start + due.length * 1_000 / rate <= now()) post(due.length)
    }, 1)
  })

const atOf = (times: Array<number>) => {
  times.sort((a, b) => a - b)
  const at = (share: number) => (times[Math.floor(share * (times.length - 1))] ?? NaN).toFixed(1)
  return { p50: at(0.5), p99: at(0.99), most: at(1) }
}
