import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows, firstRow } from "../../Database/Rows.ts"
import { needsOperator } from "../../Database/SqlFailure.ts"
import { durableColumn } from "../Place/Places.ts"
import { appliedTable } from "../Tables.ts"

/** What the live generation of a projection has recorded about one event. */
export interface Place {
  readonly name: string
  readonly generation: number
  readonly durable: string
  /** The sequence under which it was applied. */
  readonly applied: number | undefined
  /** The sequence that it had before it was erased. It is no longer in the log and is never applied again. */
  readonly forgotten: number | undefined
  /** The sequences of its later repetitions, as far as they are recorded by id. */
  readonly repeated: ReadonlyArray<number>
}

const allLives = allRows(
  Schema.Struct({ name: Schema.String, generation: Schema.Finite, durable: Schema.String })
)
const allRepeated = allRows(
  Schema.Struct({ name: Schema.String, generation: Schema.Finite, sequence: Schema.Finite })
)
const firstSequence = firstRow(Schema.Struct({ sequence: Schema.Finite }))

/** What each projection has recorded about an event, ordered by the projection's name. */
export const placesOf = Effect.fn("Applied.placesOf")(
  function*(eventId: string) {
    const sql = yield* SqlClient
    const live = yield* allLives(
      sql`select name, generation, ${durableColumn(sql, "projections")} from projections order by name`
    )
    const again = yield* allRepeated(sql`
      select name, generation, sequence::float8 as sequence from repeated
      where event_id = ${eventId} order by sequence`)
    return yield* Effect.forEach(live, ({ durable, generation, name }) =>
      Effect.map(
        firstSequence(sql`
          select sequence::float8 as sequence from ${sql.literal(appliedTable({ name }, generation))}
          where event_id = ${eventId}`),
        (found): Place => ({
          name,
          generation,
          durable,
          applied: found === undefined || found.sequence < 0 ? undefined : found.sequence,
          forgotten: found === undefined || found.sequence >= 0 ? undefined : -found.sequence,
          repeated: again.filter((row) => row.name === name && row.generation === generation)
            .map(({ sequence }) => sequence)
        })
      ))
  },
  // The generation may be dropped between the queries. The retry reads the generation that is live then.
  Effect.retry({ while: needsOperator, times: 2 })
)

/** The sequence of an event that a projection has applied; undefined when none has. */
export const sequenceOf = (eventId: string) =>
  Effect.map(placesOf(eventId), (places) => places.find(({ applied }) => applied !== undefined)?.applied)
