import type { PGlite } from "@electric-sql/pglite"

/**
 * Does the work of Postgres's background processes, which PGlite does not have. Without checkpoints, its log grows
 * until the database is closed. Without vacuum, every update of a row takes new space permanently. It must not run
 * while a client is in a transaction or in the middle of a result.
 */
export const keepUp = async (db: PGlite) => {
  await db.exec("select pg_stat_force_next_flush()")
  const { rows: tables } = await db.query<{ readonly name: string }>(worn)
  for (const { name } of tables) await db.exec(`vacuum (analyze) ${name}`)
  const { rows: [log] } = await db.query<{ readonly long: boolean }>(longLog)
  if (log?.long) await db.exec("checkpoint")
}

// The fractions are autovacuum's defaults: a fifth of the rows dead, or a tenth changed since the last statistics.
const worn = `
  select format('%I.%I', schemaname, relname) as name from pg_stat_user_tables
  where n_dead_tup > 1000 + 0.2 * n_live_tup or n_mod_since_analyze > 1000 + 0.1 * n_live_tup`

const longLog = `
  select pg_current_wal_lsn() - redo_lsn > 64 * 1024 * 1024 as long from pg_control_checkpoint()`
