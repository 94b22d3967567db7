import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows, onlyRow } from "../../Database/Rows.ts"
import { bodyId } from "../../EventLog/Names.ts"

/** An entry of the log, or an event that only a dead letter still holds. */
interface Identified {
  readonly id: string
  readonly sequence: number
  /** The body, if it is at hand. */
  readonly text?: Uint8Array
}

/**
 * Stores hashes of erased ids, so that entries that return under one of them are erased too. The hash of the body
 * serves as another id, by which a rejected request is known without parsing it.
 */
export const keepErased = Effect.fn("Forget.keepErased")(function*(events: ReadonlyArray<Identified>) {
  const sql = yield* SqlClient
  const ids = events.flatMap((event) => [
    ...(hasOwnId(event) ? [event.id] : []),
    ...(event.text === undefined ? [] : [bodyId(event.text)])
  ])
  yield* sql`
    insert into erased_ids (hash) select distinct sha256(convert_to(id, 'UTF8'))
    from jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb) as id
    on conflict do nothing`
})

/**
 * A message that another program stored without an id gets an id made of its sequence. Another log can contain the
 * same id, so it is not recorded.
 */
const hasOwnId = ({ id, sequence }: Identified) => id !== `sequence:${sequence}`

/** The position from which to look for returned entries. */
export interface Position {
  /** Creation time of the log, which identifies it. */
  readonly log: string
  /** The last sequence that was checked. */
  readonly sequence: number
}

/** The position in this log. Undefined while no id has been erased. */
export const positionIn = Effect.fnUntraced(function*(log: string) {
  const sql = yield* SqlClient
  const found = yield* onlyPosition(
    sql`select exists (select 1 from erased_ids) as any, log, sequence::float8 as sequence
      from (values (1)) as one left join erased_position on true`
  )
  if (!found.any) return undefined
  return found.log === log && found.sequence !== null
    ? { log, sequence: found.sequence }
    : { log, sequence: 0 }
})

const onlyPosition = onlyRow(Schema.Struct({
  any: Schema.Boolean,
  log: Schema.NullOr(Schema.String),
  sequence: Schema.NullOr(Schema.Finite)
}))

export const keepPosition = Effect.fnUntraced(function*({ log, sequence }: Position) {
  const sql = yield* SqlClient
  yield* sql`
    insert into erased_position (log, sequence) values (${log}, ${sequence}::bigint)
    on conflict (single) do update set log = excluded.log, sequence = excluded.sequence`
})

/** Sequences of the given entries whose id was erased. */
export const returnedOf = Effect.fnUntraced(function*(entries: ReadonlyArray<Identified>) {
  const sql = yield* SqlClient
  const known = entries.filter(hasOwnId).map(({ id, sequence }) => ({ id, sequence }))
  const found = yield* allSequences(sql`
    select sequence::float8 as sequence
    from jsonb_to_recordset(${JSON.stringify(known)}::text::jsonb) as row (id text, sequence bigint)
    where sha256(convert_to(id, 'UTF8')) in (select hash from erased_ids) order by sequence`)
  return found.map(({ sequence }) => sequence)
})

const allSequences = allRows(Schema.Struct({ sequence: Schema.Finite }))

/**
 * Removes the repetitions that projections recorded at these sequences. A projection may have been processing one of
 * them when it was erased, and recorded it afterwards.
 */
export const forgetRepetitions = Effect.fnUntraced(function*(sequences: ReadonlyArray<number>) {
  const sql = yield* SqlClient
  yield* sql`
    delete from repeated where sequence in (
      select value::bigint from jsonb_array_elements_text(${JSON.stringify(sequences)}::text::jsonb))`
})
