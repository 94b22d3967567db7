import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import type { Delivered } from "../../src/EventLog/Delivered.ts"
import { applyOnce } from "../../src/Projector/Apply/Batch.ts"
import type { Decoded } from "../../src/Projector/Apply/Decoded.ts"
import { durableName, type Projection, tableName } from "../../src/Projector/Projection.ts"
import { install } from "../../src/Projector/Tables.ts"

/** An event as the log delivers it to a projection. */
export const delivered = (
  sequence: number,
  id: string,
  type: string,
  data: string | Readonly<Record<string, unknown>>
): Decoded => {
  const json = `{"id":"${id}","event":"${type}","data":${
    typeof data === "string" ? data : JSON.stringify(data)
  }}`
  const event: Delivered = {
    id,
    type,
    sequence,
    body: Buffer.from(json),
    receivedAt: "2026-03-20T16:00:00.000Z",
    deliveries: 1,
    subject: `3qpr.events.${type}`,
    headers: []
  }
  return { event, json }
}

/** Empties the tables of a projection, as if it had applied no event. */
export const given = Effect.fnUntraced(function*(projection: Projection) {
  const sql = yield* SqlClient
  const generation = yield* install(projection, ({ name }, first) => Effect.succeed(durableName(name, first)))
  for (const table of [...Object.keys(projection.tables), `${projection.name}_applied`]) {
    yield* sql.unsafe(`truncate ${table}_${generation}`)
  }
  yield* sql`delete from applied_counts where name = ${projection.name}`
  /** Applies batches one after the other. */
  const when = (...batches: ReadonlyArray<ReadonlyArray<Decoded>>) =>
    Effect.forEach(batches, (batch) => applyOnce(projection, generation, batch), { discard: true })
  /** Applies batches as a rebuild does: rows first, then everything that is computed from them. */
  const whenRebuilt = (...batches: ReadonlyArray<ReadonlyArray<Decoded>>) =>
    Effect.gen(function*() {
      const { apply, complete } = projection.bulk ?? { ...projection, complete: () => Effect.void }
      yield* Effect.forEach(batches, (batch) => applyOnce({ ...projection, apply }, generation, batch), {
        discard: true
      })
      yield* complete(sql, (name) => sql.literal(tableName(name, generation)))
    })
  return { generation, when, whenRebuilt }
})

/** The rows of a query as JSON objects, so that results of both engines compare equal. */
export const rowsOf = Effect.fnUntraced(function*(query: string) {
  const sql = yield* SqlClient
  const rows = yield* sql.unsafe<{ readonly row: Readonly<Record<string, unknown>> }>(
    `select to_jsonb(answer) as row from (${query}) as answer`
  )
  return rows.map(({ row }) => row)
})
