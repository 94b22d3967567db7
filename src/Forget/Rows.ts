import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import { type Projection, type Rows, tableName } from "../Projection.ts"
import { projections } from "../Projections.ts"
import { bucketSize } from "../Projector/AppliedCounts.ts"
import { excludeGeneration } from "../Projector/Locks.ts"
import { active, isCompleted, lives } from "../Projector/Registry.ts"
import { appliedTable } from "../Projector/Tables.ts"
import { keyOf } from "./Belonging.ts"
import type { Target } from "./Target.ts"

/** Events that the log has no more. */
export interface Gone {
  readonly target: Target
  readonly sequences: ReadonlyArray<number>
  /** Those of them whose bodies were read before. */
  readonly events: ReadonlyArray<GoneEvent>
  /** Of the log; what stands before it was let go of by age. */
  readonly firstSequence: number
}

export interface GoneEvent {
  readonly id: string
  readonly sequence: number
  readonly type: string
  /** What it was about, such as `scan:scan_1`. */
  readonly own: string | undefined
}

/** How many rows of each table belong to a target, or are about one of these keys. */
export const countRows = Effect.fn("Forget.countRows")(
  function*(target: Target, keys: ReadonlySet<string>) {
    const sql = yield* SqlClient
    const counts: Record<string, number> = {}
    for (const projection of projections) {
      if (projection.rows === undefined) continue
      const { table } = projection.rows
      const [row] = yield* sql<{ readonly rows: number }>`
        select count(*)::int as rows from ${sql.literal(table)} where ${
        which(sql, projection.rows, target, keys)
      }`
      if (row !== undefined && row.rows > 0) counts[table] = row.rows
    }
    return counts
  }
)

/**
 * Removes from every generation of every read model what events that are no more told it, and what else belongs
 * to the target. The ids of the events stay recorded, as ones that are in the log no longer, so that none of them
 * is applied again. Gives the sequences that a generation knew. Can be done again.
 */
export const forgetRows = Effect.fn("Forget.forgetRows")(function*(gone: Gone) {
  const sql = yield* SqlClient
  const known = new Set<number>()
  const done = new Set<string>()
  // Once more for a generation that began meanwhile: it took over what had been forgotten by then.
  for (let before = -1; before !== done.size;) {
    before = done.size
    const generations = [...yield* lives, ...(yield* active).filter(({ version }) => version !== null)]
    for (const projection of inOrder) {
      for (const { generation, name } of generations) {
        if (name !== projection.name || done.has(tableName(name, generation))) continue
        done.add(tableName(name, generation))
        const found = yield* sql.withTransaction(forgetIn(projection, generation, gone))
        for (const sequence of found) known.add(sequence)
      }
    }
  }
  return known
})

const parents = ({ rows }: Projection) => Object.keys(rows?.belongsTo ?? {}).length

/** Those that belong to others first: what they belong to is looked up in the others' rows. */
const inOrder = projections.toSorted((a, b) => parents(b) - parents(a))

const forgetIn = Effect.fnUntraced(function*(
  projection: Projection,
  generation: number,
  { events, firstSequence, sequences, target }: Gone
) {
  const sql = yield* SqlClient
  const { name, rows, types } = projection
  yield* excludeGeneration(name, generation)
  const completed = yield* isCompleted(name, generation)
  if (completed === undefined) return []
  yield* sql`set local statement_timeout = 0`
  const table = (name: string) => sql.literal(tableName(name, generation))
  const applied = sql.literal(appliedTable(projection, generation))
  const places = numbers(sql, sequences)
  const negated = numbers(sql, sequences.map((sequence) => -sequence))
  const mine = events.filter(({ type }) => types.includes(type))
  const belongs = rows && which(sql, rows, target, new Set(mine.flatMap(({ own }) => own ?? [])))
  yield* sql`
    with gone as (
      update ${applied} set sequence = -sequence
      where sequence = any(${places}) or (sequence > 0 and sequence < ${firstSequence}::bigint
        and ${
    belongs ? sql`event_id in (select event_id from ${table(rows.table)} where ${belongs})` : sql`false`
  })
      returning -sequence as sequence
    )
    insert into applied_counts as counts (name, generation, bucket, shard, events)
    select ${name}::text, ${generation}::int, sequence / ${sql.literal(String(bucketSize))}, 0, -count(*)
    from gone group by 3 order by 3
    on conflict (name, generation, bucket, shard) do update set events = counts.events + excluded.events`
  yield* sql`
    insert into ${applied} (event_id, sequence)
    select event_id, -sequence from jsonb_to_recordset(${
    JSON.stringify(mine.map(({ id, sequence }) => ({ event_id: id, sequence })))
  }::text::jsonb) as row (event_id text, sequence bigint)
    order by event_id on conflict (event_id) do nothing`
  const found = yield* sql<{ readonly sequence: number }>`
    with again as (
      delete from repeated where name = ${name} and generation = ${generation} and sequence = any(${places})
      returning sequence
    )
    select sequence::float8 as sequence from again
    union all select -sequence::float8 from ${applied} where sequence = any(${negated})`
  if (rows === undefined || belongs === undefined) {
    if (mine.length === 0) return []
    yield* Effect.logWarning(
      `projection ${name} does not know how to forget: what it made of these events stays until it is rebuilt`
    )
    return found.map(({ sequence }) => sequence)
  }
  // Of events that we could not read any more, only the record of applied ones tells which rows are theirs.
  const toldByGone = events.length === sequences.length
    ? belongs
    : sql`(${belongs} or event_id in (select event_id from ${applied} where sequence = any(${negated})))`
  yield* rows.remove(sql, table, toldByGone, completed)
  return found.map(({ sequence }) => sequence)
})

/** The condition for rows of a projection that belong to a target, or are about one of these keys. */
const which = (
  sql: SqlClient,
  { belongsTo = {}, entity }: Rows,
  { id, kind }: Target,
  keys: ReadonlySet<string>
) => {
  const ids = [...keys].flatMap((key) =>
    key.startsWith(keyOf(entity, "")) ? [key.slice(entity.length + 1)] : []
  )
  const conditions: Array<Fragment> = [
    sql`id = any(array(select jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb)))`
  ]
  if (kind === "event") conditions.push(sql`event_id = ${id}`)
  if (kind === entity) conditions.push(sql`id = ${id}`)
  for (const [parent, column] of Object.entries(belongsTo)) {
    if (parent === kind) conditions.push(sql`${sql.literal(column)} = ${id}`)
    const between = projections.find(({ rows }) => rows?.entity === parent)?.rows
    const link = between?.belongsTo?.[kind]
    if (between === undefined || link === undefined) continue
    conditions.push(sql`${sql.literal(column)} in (
      select id from ${sql.literal(between.table)} where ${sql.literal(link)} = ${id})`)
  }
  return sql`(${sql.or(conditions)})`
}

const numbers = (sql: SqlClient, values: ReadonlyArray<number>) =>
  sql`array(select value::bigint from jsonb_array_elements_text(${JSON.stringify(values)}::text::jsonb))`
