import { Effect, Schema } from "effect"
import { SqlError, UnknownError } from "effect/sql/SqlError"

type Rows<E, R> = Effect.Effect<ReadonlyArray<unknown>, E, R>

/**
 * Decodes every row of a statement. A row that does not match fails with an `SqlError`. The statement or the table is
 * wrong, so no event becomes a dead letter because of it.
 */
export const allRows = <A>(row: Schema.ConstraintDecoder<A>) => {
  const decode = Schema.decodeUnknownEffect(Schema.Array(row))
  return <E, R>(statement: Rows<E, R>) =>
    Effect.flatMap(statement, (rows) => Effect.mapError(decode(rows), mismatch))
}

/** Decodes the first row of a statement. Undefined if there is none. */
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

/** Decodes the row of a statement that always returns exactly one. */
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
      message: "a row does not have the shape that its statement selects",
      operation: "decode"
    })
  })
