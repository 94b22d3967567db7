/**
 * What an event costs each part, in CPU time and bytes: `npm run bench:cost -- [events]`, by default 20,000, delivered
 * over HTTP to one receiver, while one projector follows. CPU time is read from /proc, so this runs on Linux only; it
 * depends on the machine's speed, and little on what else runs there.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Array as Arr, Console, Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { connect } from "nats"
import { Buffer } from "node:buffer"
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import process from "node:process"
import { stream } from "../../src/EventLog.ts"
import * as Signature from "../../src/Signature.ts"
import * as System from "../support/Faults/System.ts"
import { deliver } from "../support/Http.ts"
import { scanOfTheReference } from "../support/Webhook.ts"

const [events = 20_000] = process.argv.slice(2).map(Number)

const delivery = (at: number) => {
  const body = Buffer.from(JSON.stringify({
    id: `evt_${at}`,
    event: "scan.created",
    data: {
      ...scanOfTheReference,
      id: `scan_${at}`,
      qpr_code_id: `qpr_${at % 200}`,
      scanned_at: new Date(1_774_000_000_000 + at * 1_000).toISOString()
    }
  }))
  return { body, signature: Signature.sign(body, System.secret) }
}

const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }))

/** The CPU time, in microseconds, that a process and those children that it has waited for have used. */
const cpuOf = (pid: number) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond * 1e6
}

const childrenOf = (pid: number) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter((child) => child !== "").map(
    Number
  )

const streamBytes = ({ broker }: System.System) =>
  Effect.promise(async () => {
    const connection = await connect({ servers: broker.url, token: broker.token })
    const { state } = await (await connection.jetstreamManager()).streams.info(stream)
    await connection.close()
    return state.bytes
  })

const databaseBytes = ({ query }: System.System) =>
  query(Effect.gen(function*() {
    const sql = yield* SqlClient
    const [row] = yield* sql<{ readonly bytes: number }>`
      select pg_database_size(current_database())::float8 as bytes`
    return row?.bytes ?? 0
  }))

const measure = Effect.fnUntraced(function*(system: System.System) {
  const postmaster = yield* system.postgres.pid
  const pids = {
    receiver: [system.receivers[0]?.now()?.pid ?? 0],
    "nats-server": [yield* system.broker.pid],
    projector: [system.projectors[0]?.now()?.pid ?? 0],
    Postgres: [postmaster, ...childrenOf(postmaster)]
  }
  const cpu = Object.entries(pids).map(([part, of]) =>
    [part, of.reduce((sum, pid) => sum + cpuOf(pid), 0)] as const
  )
  return { cpu, stream: yield* streamBytes(system), database: yield* databaseBytes(system) }
})

const main = Effect.gen(function*() {
  const system = yield* System.make({ receivers: 1, projectors: 1 })
  const [url = ""] = system.urls()
  const send = (from: number, to: number) =>
    Effect.forEach(
      Arr.range(from, to - 1),
      (at) => Effect.repeat(deliver(url, delivery(at)), { until: ({ status }) => status === 200 }),
      { concurrency: 32, discard: true }
    )
  // Compilers and caches are warm when counting begins.
  yield* send(0, 2_000)
  yield* system.settled
  const before = yield* measure(system)
  yield* send(2_000, 2_000 + events)
  yield* system.settled
  const after = yield* measure(system)
  for (const [at, [part, cpu]] of after.cpu.entries()) {
    yield* Console.log(
      `${part}: ${((cpu - (before.cpu[at]?.[1] ?? 0)) / events).toFixed(0)} µs of CPU an event`
    )
  }
  yield* Console.log(
    `stream: ${((after.stream - before.stream) / events).toFixed(0)} bytes an event and replica`
  )
  yield* Console.log(`database: ${((after.database - before.database) / events).toFixed(0)} bytes an event`)
})

NodeRuntime.runMain(Effect.scoped(main))
