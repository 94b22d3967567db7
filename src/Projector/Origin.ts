import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { EventLog } from "../EventLog.ts"
import type { Live, Rebuild } from "./Registry.ts"

/**
 * Which log there is now: the time at which its stream was created. In another log sequences begin again, so
 * rows of the old one would ignore the new one's events.
 */
export const currentLog = Effect.gen(function*() {
  const log = yield* EventLog
  return (yield* log.state).created
})

/** Remembers the log that a generation's rows are made from, if nobody knows it yet. */
export const adopt = Effect.fn("Origin.adopt")(function*(of: Pick<Live, "name" | "generation">, log: string) {
  const sql = yield* SqlClient
  yield* sql`update projections set log = ${log}
    where name = ${of.name} and generation = ${of.generation} and log is null`
  yield* sql`update rebuilds set log = ${log}
    where name = ${of.name} and generation = ${of.generation} and log is null`
})

/** Whether a generation's rows are made from the log that there is now. */
export const isFromCurrentLog = Effect.fnUntraced(function*(name: string, generation: number) {
  const sql = yield* SqlClient
  const rows = yield* sql<{ readonly log: string | null }>`
    select log from projections where name = ${name} and generation = ${generation}
    union all
    select log from rebuilds where name = ${name} and generation = ${generation}`
  const now = yield* currentLog
  return rows.every(({ log }) => log === null || log === now)
})

/** Why a generation gets no events, and what to do. */
export const foreign = ({ log, name }: Pick<Live | Rebuild, "name" | "log">, now: string) =>
  `the event log is another one (created ${now}) than its rows are made from (created ${log}), so nothing is `
  + "applied. Bring the old log back, or build from the new one: "
  + `\`threeqpr projections rebuild ${name} --accept-new-log\``
