import { Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import { Consumers } from "../../src/Consumer/Consumer.ts"
import type { RebuildKind } from "../../src/Domain/Rebuild.ts"
import { DeadLetters } from "../../src/EventLog/DeadLetters.ts"
import { EventLog } from "../../src/EventLog/EventLog.ts"
import { eventSubject, stream } from "../../src/EventLog/Names.ts"
import { Nats } from "../../src/Nats/Nats.ts"
import type { Projection } from "../../src/Projector/Projection.ts"
import * as Projector from "../../src/Projector/Projector.ts"
import { request } from "../../src/Projector/Rebuild/Rebuilds.ts"
import { find } from "../../src/Projector/Registry.ts"
import { entryOf } from "../contract/EventLog.ts"
import { poll, until } from "./Until.ts"

/** A projector with its own durable consumers. */
export const projectorOf = (...projections: ReadonlyArray<Projection>) =>
  Projector.layer(projections).pipe(Layer.provide(Consumers.layer), Layer.provide(DeadLetters.layer))

export const append = Effect.fnUntraced(function*(id: string, body: string, type = "scan.created") {
  const log = yield* EventLog
  return yield* log.append(entryOf(id, { subject: eventSubject(type), type, body: Buffer.from(body) }))
})

export const countOf = Effect.fnUntraced(function*(table: string) {
  const sql = yield* SqlClient
  const [row] = yield* sql.unsafe<{ readonly count: number }>(`select count(*)::int as count from ${table}`)
  return row?.count ?? 0
})

export const untilCount = (table: string, count: number) =>
  until(`${count} rows of ${table}`, countOf(table), (rows) => rows >= count)

/** The names of the log's durable consumers. Reads of the log create short-lived consumers, which are left out. */
export const durables = Effect.flatMap(Nats, ({ connection }) =>
  Effect.promise(async () => {
    const manager = await connection.jetstreamManager()
    const all = await manager.consumers.list(stream).next()
    return all.filter(({ config }) => config.durable_name !== undefined).map(({ name }) => name).toSorted()
  }))

/** Requests a rebuild, and returns it once it has ended. */
export const rebuilt = Effect.fnUntraced(function*(
  name: string,
  kind: RebuildKind = "rebuild",
  acceptNewLog = false
) {
  const id = yield* request(name, kind, "the tests", acceptNewLog)
  return yield* ended(name, id ?? 0)
})

export const ended = (name: string, id: number) =>
  poll(find(name, id), (rebuild) => rebuild !== undefined && rebuild.finished_at !== null)

/** The tables that differ between the live generation and the one that a rebuild compared it with. */
export const unequal = (result: unknown) =>
  Object.entries(decodeResult(result).tables).flatMap(([table, { equal }]) => equal ? [] : [table])

const decodeResult = Schema.decodeUnknownSync(
  Schema.Struct({ tables: Schema.Record(Schema.String, Schema.Struct({ equal: Schema.Boolean })) })
)

/** The existing tables of a generation of scans. */
export const tablesOfScans = Effect.fnUntraced(function*(generation: number) {
  const sql = yield* SqlClient
  const rows = yield* sql<{ readonly name: string }>`
    select relname::text as name from pg_class where relkind = 'r' and relname in (
      ${`scans_${generation}`}, ${`scan_days_${generation}`}, ${`scans_applied_${generation}`}) order by 1`
  return rows.map(({ name }) => name)
})
