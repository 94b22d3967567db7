import { Data, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows, onlyRow } from "../../Database/Rows.ts"
import { isTransient } from "../../Database/SqlFailure.ts"
import { messageOf } from "../../Process/Failure.ts"
import { rowsOf } from "../Apply/Batch.ts"
import { type Own, type Projection, tableName } from "../Projection.ts"
import { create, index } from "../Tables.ts"
import { filled } from "./Compile.ts"
import { type Sample, samplesOf } from "./Samples.ts"
import { lineIn } from "./SqlLine.ts"

/** A definition of a read model cannot be used. Nothing was installed. */
export class DefinitionRefused
  extends Schema.TaggedError<DefinitionRefused>()("DefinitionRefused", { message: Schema.String })
{}

/**
 * Tries a definition in transactions that are rolled back: its table and indexes, an empty batch, and events that the
 * types may have. Fails with the reason when the SQL is wrong, or when the rows depend on the order of the events, on
 * the batches, on the time or on chance. Skips a definition that is installed, and all built-in projections.
 */
export const tryOut = Effect.fn("Own.tryOut")(function*(projection: Projection) {
  const { name, own, version } = projection
  if (own === undefined) return
  const { is_installed, is_taken } = yield* lookUp(projection, own)
  if (is_installed) return
  const refuse = (fault: string) =>
    new DefinitionRefused({ message: `The read model ${name} (${own.origin.place}) is refused: ${fault}` })
  if (is_taken) return yield* refuse(`the database has a table or view ${name} already. Choose another name.`)
  const events = samplesOf(projection.types)
  const apply = (batches: ReadonlyArray<ReadonlyArray<Sample>>) =>
    Effect.catchIf(
      rolledBack(rowsAfter(projection, own, batches)),
      (error) => !isTransient(error),
      (error) => Effect.fail(refuse(faultOf(projection, own, error)))
    )
  const together = yield* apply([[], events])
  const apart = yield* apply(events.toReversed().map((event) => [event]))
  const different = together.find((row, at) => row !== apart[at]) ?? apart[together.length]
  if (different !== undefined) {
    const other = apart.find((row) => !together.includes(row)) ?? "no row"
    return yield* refuse(
      `the same ${events.length} events give other rows in another order and in other batches: `
        + `${
          together.find((row) => !apart.includes(row)) ?? "no row"
        } and ${other}. Let \`sequence\` decide which of two `
        + "events is the later one, and take times from the events. `row` and `add` do that by themselves."
    )
  }
  yield* Effect.logInfo(
    `read model ${name} version ${version} of ${own.origin.place}: its SQL was tried, and fits`
  )
})

const onlyState = onlyRow(Schema.Struct({ is_installed: Schema.Boolean, is_taken: Schema.Boolean }))

const lookUp = Effect.fnUntraced(function*({ name }: Projection, { hash }: Own) {
  const sql = yield* SqlClient
  return yield* onlyState(sql`
    select exists (select 1 from projections where name = ${name} and definition = ${hash}) as is_installed,
      to_regclass(${name}::text) is not null and not exists (select 1 from projections where name = ${name})
        as is_taken`)
})

/** Ends a transaction without keeping anything of it. */
export class Undone<A> extends Data.TaggedError("Undone")<{ readonly value: A }> {}

const rolledBack = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(
    SqlClient,
    (sql) =>
      sql.withTransaction(Effect.flatMap(effect, (value) => Effect.fail(new Undone({ value })))).pipe(
        Effect.catchIf((error) => error instanceof Undone, ({ value }: Undone<A>) => Effect.succeed(value))
      )
  )

/** A statement of a definition failed. */
export class StatementFailed extends Data.TaggedError("StatementFailed")<{
  readonly cause: unknown
  /** The statement as it was sent. */
  readonly text: string
}> {}

const faultOf = ({ name }: Projection, { origin }: Own, error: unknown) => {
  if (!(error instanceof StatementFailed)) return `its table cannot be created: ${messageOf(error)}.`
  const line = lineIn(error.text, error.cause)?.replaceAll(tableName(name, 0), "${table}")
  const place = line === undefined ? undefined : origin.placeOf(line)
  return `its SQL fails: ${messageOf(error.cause)}${line === undefined ? "" : `, in the line \`${line}\``}${
    place === undefined ? "" : ` (${place})`
  }.`
}

const allTexts = allRows(Schema.Struct({ row: Schema.String }))

/** The rows of an empty table after these batches, as text. No generation has the number 0. */
const rowsAfter = Effect.fnUntraced(
  function*(projection: Projection, { statements }: Own, batches: ReadonlyArray<ReadonlyArray<Sample>>) {
    const sql = yield* SqlClient
    yield* create(projection, 0)
    yield* index(projection, 0)
    const table = sql.literal(tableName(projection.name, 0))
    for (const batch of batches) {
      for (const text of statements) {
        const statement = filled(sql, text, table, rowsOf(sql, batch))
        yield* Effect.mapError(
          statement,
          (cause) => isTransient(cause) ? cause : new StatementFailed({ cause, text: statement.compile()[0] })
        )
      }
    }
    const rows = yield* allTexts(sql`select to_jsonb(_row)::text as row from ${table} as _row order by 1`)
    return rows.map(({ row }) => row)
  }
)
