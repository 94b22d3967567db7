import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"

/** An entry of the log, or an event that only a dead letter still has. */
interface Identified {
  readonly id: string
  readonly sequence: number
}

/** Keeps hashes of ids that are erased, so that what comes again under one of them is erased too. */
export const keepErased = Effect.fn("Forget.keepErased")(function*(events: ReadonlyArray<Identified>) {
  const sql = yield* SqlClient
  yield* sql`
    insert into erased_ids (hash) select distinct sha256(convert_to(id, 'UTF8'))
    from jsonb_array_elements_text(${
    JSON.stringify(events.filter(hasOwnId).map(({ id }) => id))
  }::text::jsonb) as id
    on conflict do nothing`
})

/** A message that another program has stored without an id has that of its place, which another log uses as well. */
const hasOwnId = ({ id, sequence }: Identified) => id !== `sequence:${sequence}`

/** Where to look next for entries that came again. */
export interface Position {
  /** When the log was created: its identity. */
  readonly log: string
  /** The last sequence that was looked at. */
  readonly sequence: number
}

/** The position in this log; undefined while no id is erased. */
export const positionIn = Effect.fnUntraced(function*(log: string) {
  const sql = yield* SqlClient
  const [found] = yield* Effect.flatMap(
    sql`select exists (select 1 from erased_ids) as any, log, sequence::float8 as sequence
      from (values (1)) as one left join erased_position on true`,
    decodePosition
  )
  if (!found.any) return undefined
  return found.log === log && found.sequence !== null
    ? { log, sequence: found.sequence }
    : { log, sequence: 0 }
})

const decodePosition = Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct({
  any: Schema.Boolean,
  log: Schema.NullOr(Schema.String),
  sequence: Schema.NullOr(Schema.Finite)
})]))

export const keepPosition = Effect.fnUntraced(function*({ log, sequence }: Position) {
  const sql = yield* SqlClient
  yield* sql`
    insert into erased_position (log, sequence) values (${log}, ${sequence}::bigint)
    on conflict (single) do update set log = excluded.log, sequence = excluded.sequence`
})

/** Which of these came again: the sequences of those whose id is erased. */
export const returnedOf = Effect.fnUntraced(function*(entries: ReadonlyArray<Identified>) {
  const sql = yield* SqlClient
  const known = entries.filter(hasOwnId).map(({ id, sequence }) => ({ id, sequence }))
  const found = yield* Effect.flatMap(
    sql`
      select sequence::float8 as sequence
      from jsonb_to_recordset(${JSON.stringify(known)}::text::jsonb) as row (id text, sequence bigint)
      where sha256(convert_to(id, 'UTF8')) in (select hash from erased_ids) order by sequence`,
    decodeSequences
  )
  return found.map(({ sequence }) => sequence)
})

const decodeSequences = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ sequence: Schema.Finite })))

/**
 * Removes what projections have recorded of the repetitions at these sequences. A projection can have had one of them in
 * hand when it was erased, and record it afterwards.
 */
export const forgetRepetitions = Effect.fnUntraced(function*(sequences: ReadonlyArray<number>) {
  const sql = yield* SqlClient
  yield* sql`
    delete from repeated where sequence in (
      select value::bigint from jsonb_array_elements_text(${JSON.stringify(sequences)}::text::jsonb))`
})
