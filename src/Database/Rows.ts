import { Effect, Schema } from "effect"
import { SqlError, UnknownError } from "effect/sql/SqlError"

type Rows<E, R> = Effect.Effect<ReadonlyArray<unknown>, E, R>

/**
 * Decodes every row of a statement. A row that does not match is an `SqlError`: the statement or the table is wrong, so
 * that no event is set aside for it.
 */
export const allRows = <A>(row: Schema.ConstraintDecoder<A>) => {
  const decode = Schema.decodeUnknownEffect(Schema.Array(row))
  return <E, R>(statement: Rows<E, R>) =>
    Effect.flatMap(statement, (rows) => Effect.mapError(decode(rows), mismatch))
}

/** Decodes the first row of a statement; undefined when it has no row. */
export const firstRow = <A>(row: Schema.ConstraintDecoder<A>) => {
  const decode = Schema.decodeUnknownEffect(row)
  return <E, R>(statement: Rows<E, R>) =>
    Effect.flatMap(
      statement,
      ([first]) =>
        first === undefined
          ? Effect.succeed(undefined)
          : Effect.mapError(decode(first), mismatch)
    )
}

/** Decodes the row of a statement that always has one. */
export const onlyRow = <A>(row: Schema.ConstraintDecoder<A>) => {
  const decode = Schema.decodeUnknownEffect(Schema.Tuple([row]))
  return <E, R>(statement: Rows<E, R>) =>
    Effect.flatMap(
      statement,
      (rows) => Effect.mapBoth(decode(rows), { onFailure: mismatch, onSuccess: ([only]) => only })
    )
}

const mismatch = (cause: Schema.SchemaError) =>
  new SqlError({
    reason: new UnknownError({
      cause,
      message: "a row is not what its statement selects",
      operation: "decode"
    })
  })
