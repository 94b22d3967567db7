import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import { allRows } from "../../Database/Rows.ts"
import { keyOf } from "../../Domain/Belonging.ts"
import type { Target } from "../../Domain/ErasureTarget.ts"
import { storable } from "../../Domain/ExactJson.ts"
import { toStored } from "../../Domain/StoredText.ts"
import { bucketSize } from "../../Projector/Apply/AppliedCounts.ts"
import { announce } from "../../Projector/Changes/Announce.ts"
import { asRuled } from "../../Projector/Definition.ts"
import { excludeGeneration, keep } from "../../Projector/Locks.ts"
import { idColumn, type Projection, type Rows, tableName } from "../../Projector/Projection.ts"
import { Projections } from "../../Projector/Projections.ts"
import { active, isCompleted, lives, roleOf, wantRebuild } from "../../Projector/Registry.ts"
import { appliedTable } from "../../Projector/Tables.ts"

/** Events to erase. */
export interface Gone {
  readonly sequences: ReadonlyArray<number>
  /** Those of the events that are still in the log or a dead letter. */
  readonly events: ReadonlyArray<GoneEvent>
}

export interface GoneEvent {
  readonly id: string
  readonly sequence: number
  readonly type: string
  /** Key of the entity that the event is about, such as `scan:scan_1`. */
  readonly own: string | undefined
}

/** The database has read models whose definitions this process lacks, so it cannot erase their rows. */
export class UnknownReadModels
  extends Schema.TaggedError<UnknownReadModels>()("UnknownReadModels", { message: Schema.String })
{}

/** The projections of this database. Fails when this process does not know one of them. */
const installedProjections = Effect.gen(function*() {
  const known = yield* Projections
  const installed = yield* lives
  const unknown = installed.filter(({ name }) => !known.some((one) => one.name === name))
  if (unknown.length === 0) return known.filter((one) => installed.some(({ name }) => name === one.name))
  return yield* new UnknownReadModels({
    message: `This database has read models that this process does not know: ${
      unknown.map(({ name }) => name).join(", ")
    }. Nothing is erased. Start the process with the file that defines them (PROJECTIONS), or remove them: \`threeqpr projections remove NAME\`.`
  })
})

/**
 * Finds the rows that belong to a target or are about one of these keys, made from events up to `upTo`. Returns the
 * sequences of these events, by table. Tables without such rows are left out.
 */
export const rowsOf = Effect.fn("Forget.rowsOf")(
  function*(target: Target, keys: ReadonlySet<string>, upTo: number) {
    const sql = yield* SqlClient
    const found: Record<string, ReadonlyArray<number>> = {}
    const projections = yield* installedProjections
    for (const { rows } of projections) {
      if (rows === undefined) continue
      const sequences = yield* allSequences(
        sql`select sequence::float8 as sequence from ${sql.literal(rows.table)}
          where sequence <= ${upTo}::bigint and ${which(sql, projections, rows, target, keys)}`
      )
      if (sequences.length > 0) found[rows.table] = sequences.map(({ sequence }) => sequence)
    }
    return found
  }
)

/**
 * Erases events from every generation of every read model. Removes the rows that were made from them, and records
 * their ids as erased. They are never applied again, even while they are still in the log. A row that a later event
 * has written stays. Returns the sequences that a generation has recorded. It can be repeated.
 */
export const forgetRows = Effect.fn("Forget.forgetRows")(function*(gone: Gone) {
  const sql = yield* SqlClient
  const projections = yield* installedProjections
  const known = new Set<number>()
  const done = new Set<string>()
  // Repeat for a generation that started meanwhile: it copied only the erasures recorded before its start.
  for (let before = -1; before !== done.size;) {
    before = done.size
    const generations = [...yield* lives, ...(yield* active).filter(({ version }) => version !== null)]
    for (const projection of projections) {
      for (const one of generations) {
        const { generation, name } = one
        if (name !== projection.name || done.has(tableName(name, generation))) continue
        done.add(tableName(name, generation))
        // Another version of the program can apply other types to it.
        const found = yield* sql.withTransaction(Effect.tap(
          forgetIn(asRuled(projection, one), generation, gone),
          (sequences) => announceRemoved(name, generation, sequences)
        ))
        for (const sequence of found) known.add(sequence)
      }
    }
  }
  return known
})

const announceRemoved = Effect.fnUntraced(
  function*(name: string, generation: number, sequences: ReadonlyArray<number>) {
    if ((yield* roleOf(name, generation))?.live) yield* announce({ name, kind: "removed", sequences })
  }
)

/** Erases events from one generation. Returns the sequences that it has recorded. */
const forgetIn = Effect.fnUntraced(function*(projection: Projection, generation: number, gone: Gone) {
  const sql = yield* SqlClient
  const { name, rows, types } = projection
  // Otherwise a rebuild that ends now could carry over an event that is already erased in the live generation.
  yield* keep(name)
  yield* excludeGeneration(name, generation)
  const completed = yield* isCompleted(name, generation)
  if (completed === undefined) return []
  yield* sql`set local statement_timeout = 0`
  const erased: Erased = {
    name,
    generation,
    applied: sql.literal(appliedTable(projection, generation)),
    places: numbers(sql, gone.sequences),
    negated: numbers(sql, gone.sequences.map((sequence) => -sequence))
  }
  const events = gone.events.filter(({ type }) => types.includes(type))
  yield* recordErased(erased, events)
  const known = yield* recordedOf(erased)
  if (rows === undefined) {
    if (known.length > 0) yield* wantRebuild(name, "an erasure")
    return known
  }
  // If all bodies are available, the rows are found by their keys. Otherwise every row must be checked.
  const needsAll = gone.events.length < gone.sequences.length || events.some(({ own }) => own === undefined)
  const made =
    sql`event_id in (select event_id from ${erased.applied} where sequence = any(${erased.negated}))`
  yield* rows.remove(
    sql,
    (name) => sql.literal(tableName(name, generation)),
    needsAll ? made : sql`(${isOneOf(sql, rows, events.flatMap(({ own }) => own ?? []))} and ${made})`,
    completed
  )
  return known
})

/** A generation and the erased sequences, as parts of SQL statements. */
interface Erased {
  readonly name: string
  readonly generation: number
  /** The table of the applied events. */
  readonly applied: Fragment
  readonly places: Fragment
  /** The negated sequences. The table has an erased event under the negated sequence. */
  readonly negated: Fragment
}

/** Records events as erased: in the applied events, in their counts, and as hashes of their ids. */
const recordErased = Effect.fnUntraced(function*(
  { applied, generation, name, negated, places }: Erased,
  events: ReadonlyArray<GoneEvent>
) {
  const sql = yield* SqlClient
  yield* sql`
    with gone as (
      update ${applied} set sequence = -sequence where sequence = any(${places})
      returning -sequence as sequence
    )
    insert into applied_counts as counts (name, generation, bucket, shard, events)
    select ${name}::text, ${generation}::int, sequence / ${sql.literal(String(bucketSize))}, 0, -count(*)
    from gone group by 3 order by 3
    on conflict (name, generation, bucket, shard) do update set events = counts.events + excluded.events`
  yield* sql`
    insert into ${applied} (event_id, sequence)
    select event_id, -sequence from jsonb_to_recordset(${
    JSON.stringify(events.map(({ id, sequence }) => ({ event_id: id, sequence })))
  }::text::jsonb) as row (event_id text, sequence bigint)
    order by event_id on conflict (event_id) do nothing`
  // Includes events that are no longer in the log or among the dead letters.
  yield* sql`
    insert into erased_ids (hash) select sha256(convert_to(event_id, 'UTF8')) from ${applied}
    where sequence = any(${negated}) and event_id <> concat('sequence:', -sequence) on conflict do nothing`
})

/** The erased sequences that the generation has recorded, as applied or as repeated. Removes the repetitions. */
const recordedOf = Effect.fnUntraced(function*({ applied, generation, name, negated, places }: Erased) {
  const sql = yield* SqlClient
  const found = yield* allSequences(sql`
    with again as (
      delete from repeated where name = ${name} and generation = ${generation} and sequence = any(${places})
      returning sequence
    )
    select sequence::float8 as sequence from again
    union all select -sequence::float8 from ${applied} where sequence = any(${negated})`)
  return found.map(({ sequence }) => sequence)
})

/** The SQL condition for rows of a projection that belong to a target or are about one of these keys. */
const which = (
  sql: SqlClient,
  projections: ReadonlyArray<Projection>,
  rows: Rows,
  target: Target,
  keys: ReadonlySet<string>
) => {
  const { kind } = target
  const { belongsTo = {}, entity } = rows
  const id = toStored(target.id)
  const conditions: Array<Fragment> = [isOneOf(sql, rows, keys)]
  if (kind === "event") conditions.push(sql`event_id = ${id}`)
  if (kind === entity) conditions.push(sql`${idColumn(sql, rows)} = ${id}`)
  for (const [parent, column] of Object.entries(belongsTo)) {
    if (parent === kind) conditions.push(sql`${sql.literal(column)} = ${id}`)
    const between = projections.find(({ rows }) => rows?.entity === parent)?.rows
    const link = between?.belongsTo?.[kind]
    if (between === undefined || link === undefined) continue
    conditions.push(sql`${sql.literal(column)} in (
      select ${idColumn(sql, between)} from ${sql.literal(between.table)} where ${
      sql.literal(link)
    } = ${id})`)
  }
  return sql`(${sql.or(conditions)})`
}

/** The SQL condition for rows that are about one of these keys, such as `scan:scan_1`. */
const isOneOf = (sql: SqlClient, rows: Rows, keys: Iterable<string>) => {
  const { entity } = rows
  const ids = Array.from(keys).flatMap((key) =>
    key.startsWith(keyOf(entity, "")) ? [key.slice(entity.length + 1)] : []
  )
  return sql`${idColumn(sql, rows)} = any(array(select jsonb_array_elements_text(${
    storable(JSON.stringify(ids))
  }::text::jsonb)))`
}

const numbers = (sql: SqlClient, values: ReadonlyArray<number>) =>
  sql`array(select value::bigint from jsonb_array_elements_text(${JSON.stringify(values)}::text::jsonb))`

const allSequences = allRows(Schema.Struct({ sequence: Schema.Finite }))
