import { Effect, Option, Predicate, Schema, Semaphore } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { isSqlError } from "effect/sql/SqlError"
import { Database } from "../../Database/Database.ts"
import { readerRole } from "../../Database/ReaderRole.ts"
import { onlyRow } from "../../Database/Rows.ts"
import { sqlStateOf } from "../../Database/SqlFailure.ts"
import { parseExact } from "../../Domain/ExactJson.ts"
import { messageOf } from "../../Process/Failure.ts"
import { sqlViews } from "../../Projector/Projections/SqlViews.ts"
import { InvalidStatement, TimedOut, Unavailable } from "../Api/Problems.ts"
import { type SqlAnswer, type SqlRequest, usualRows, usualSeconds } from "../Api/Sql.ts"
import { analyse, prefix } from "./Analysis.ts"

/** Maximum size of all rows of an answer, in bytes of JSON. */
const mostBytes = 8 * 1024 * 1024

/** Maximum number of statements at a time. Each one occupies a connection of the pool. */
const mostStatements = 2

/** The highest cost that the embedded database accepts, in units of its planner. It takes about ten seconds. */
const mostCost = 500_000

/**
 * Runs statements that read. Four barriers are independent of each other: the statement is one query without volatile
 * functions, its transaction is read only, its role may only select from the views, and its time, rows and bytes are
 * bounded.
 */
export const reader = Effect.gen(function*() {
  const sql = yield* SqlClient
  const { kind } = yield* Database
  const places = yield* Semaphore.make(mostStatements)
  return (request: SqlRequest) =>
    sql.withTransaction(read(request, kind)).pipe(
      Effect.mapError((error) => explained(error, request)),
      Effect.provideService(SqlClient, sql),
      places.withPermitsIfAvailable(1),
      Effect.flatMap(Option.match({ onNone: () => Effect.fail(tooMany), onSome: Effect.succeed }))
    )
})

const tooMany = new Unavailable({
  detail: `${mostStatements} statements are running. Try again when one has ended.`
})

const read = Effect.fnUntraced(function*(
  request: SqlRequest,
  kind: Database["Service"]["kind"]
) {
  const sql = yield* SqlClient
  const { limit = usualRows, timeout_seconds = usualSeconds } = request
  const statement = request.statement.replace(/[;\s]+$/, "")
  const { member } = yield* onlyMember(sql`
    select coalesce(pg_has_role(current_user, (select oid from pg_roles where rolname = ${readerRole}), 'member'),
      false) as member`)
  if (!member) return yield* new Unavailable({ detail: noRole })
  yield* sql.unsafe(`set local statement_timeout = '${timeout_seconds}s'`)
  const { columns, recursive, unsafe } = yield* Effect.mapError(
    analyse(statement),
    (error) => explained(error, request, prefix.length)
  )
  if (unsafe.length > 0) {
    return yield* new InvalidStatement({
      detail:
        `The statement calls ${
          unsafe.join(", ")
        }. A function that can change something or wait is not allowed: `
        + "call only functions that Postgres declares as immutable or stable."
    })
  }
  yield* sql`set transaction read only`
  yield* sql`set local role ${sql.literal(readerRole)}`
  if (kind === "embedded") yield* refuseLong(statement, recursive)
  // The statement ends with a line feed, because its last line can be a comment.
  const { found, rows } = yield* onlyResult(
    sql.unsafe(
      `with found as materialized (
      select row_to_json(threeqpr_row)::text as row from (${statement}\n) as threeqpr_row limit ${limit + 1}
    ),
    numbered as (
      select row, row_number() over () as at, sum(octet_length(row)) over (rows unbounded preceding) as bytes
      from found
    )
    select count(*)::int as found, coalesce(
      array_agg(row order by at) filter (where at <= ${limit} and bytes <= ${mostBytes}), '{}') as rows from numbered`
    ).unprepared
  )
  const cut = rows.length < Math.min(found, limit) ? "bytes" : found > limit ? "rows" : null
  return { columns, rows: yield* decodeRows(rows.map(parseExact)), cut } satisfies SqlAnswer
})

const noRole =
  `The database has no role ${readerRole} that the user of this process is a member of. The statements in docs/sql.md, `
  + "part \"Role for reading\", create it."

/** Refuses what the embedded database could not stop. */
const refuseLong = Effect.fnUntraced(function*(statement: string, recursive: boolean) {
  const sql = yield* SqlClient
  if (recursive) {
    return yield* new InvalidStatement({
      detail:
        "The embedded database cannot stop a statement, so `with recursive` is not allowed there. Set DATABASE_URL "
        + "to your own Postgres to use it."
    })
  }
  const { "QUERY PLAN": [plan] } = yield* onlyPlan(
    sql.unsafe(`explain (format json) select row_to_json(threeqpr_row) from (${statement}\n) as threeqpr_row`)
      .unprepared
  )
  const cost = plan.Plan["Total Cost"]
  if (cost > mostCost) {
    return yield* new InvalidStatement({
      detail:
        `The embedded database cannot stop a statement, so it refuses one with an estimated cost above ${mostCost}. `
        + `This one has ${Math.round(cost)}. Select fewer rows, or set DATABASE_URL to your own Postgres.`
    })
  }
})

/**
 * Maps an error of the statement to a problem. Other errors stay as they are. `before` is the number of characters in
 * front of the statement; undefined when the error has no position in it.
 */
const explained = <E>(
  error: E,
  { statement, timeout_seconds = usualSeconds }: SqlRequest,
  before?: number
): E | InvalidStatement | TimedOut => {
  if (!isSqlError(error)) return error
  const code = sqlStateOf(error)
  if (code === "57014" || code === "55P03") {
    return new TimedOut({
      detail:
        `The statement did not end within ${timeout_seconds} s. Give it more time, or select fewer rows.`
    })
  }
  if (code === undefined || !ofStatement.test(code)) return error
  const { hint, position } = serverErrorIn(error)
  const at = position - (before ?? position)
  const isWithin = at >= 1 && at <= statement.length + 1
  return new InvalidStatement({
    detail: `${messageOf(error)}${isWithin ? `, at character ${at}` : ""}.${hint === "" ? "" : ` ${hint}`}${
      allowed[code] ?? ""
    }`,
    ...(isWithin && { position: at })
  })
}

/** SQLSTATE classes of errors in the statement or its data, and of writing in a read-only transaction. */
const ofStatement = /^(0A|21|22|25006|42|54|P0)/

const onlyReads = " Allowed is one select, values, table or with statement that only reads."

/** What is allowed, by SQLSTATE. */
const allowed: Readonly<Record<string, string>> = {
  "0A000": onlyReads,
  "25006": onlyReads,
  "42501":
    ` Allowed is reading what the role ${readerRole} may select, such as the views of the read models.`,
  "42601": onlyReads,
  "42P01": ` The views are ${Object.keys(sqlViews).join(", ")}, and those of your own read models.`,
  "42P16": onlyReads,
  "42701": " Give each column a name of its own with `as`."
}

const serverErrorIn = (error: unknown): { readonly hint: string; readonly position: number } => {
  if (Predicate.hasProperty(error, "severity")) {
    const hint = Predicate.hasProperty(error, "hint") && Predicate.isString(error.hint) ? error.hint : ""
    return { hint, position: Number(Predicate.hasProperty(error, "position") ? error.position : 0) }
  }
  const inner = Predicate.hasProperty(error, "reason")
    ? error.reason
    : Predicate.hasProperty(error, "cause")
    ? error.cause
    : undefined
  return inner === undefined ? { hint: "", position: 0 } : serverErrorIn(inner)
}

const onlyMember = onlyRow(Schema.Struct({ member: Schema.Boolean }))
const onlyResult = onlyRow(Schema.Struct({ found: Schema.Finite, rows: Schema.Array(Schema.String) }))
const onlyPlan = onlyRow(Schema.Struct({
  "QUERY PLAN": Schema.Tuple([Schema.Struct({ Plan: Schema.Struct({ "Total Cost": Schema.Finite }) })])
}))
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(Schema.Record(Schema.String, Schema.Unknown)))
