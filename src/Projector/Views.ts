import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { readerRole } from "../Database/ReaderRole.ts"
import { allRows } from "../Database/Rows.ts"
import { isTransient, sqlStateOf } from "../Database/SqlFailure.ts"
import { messageOf } from "../Process/Failure.ts"
import { partsOf, type Replaced, replacedBy } from "./Views/Replaced.ts"

/** A view of a user does not fit the new columns of a read model, so the read model's views were not changed. */
export class ViewsDoNotFit extends Schema.TaggedError<ViewsDoNotFit>()("ViewsDoNotFit", {
  view: Schema.String,
  message: Schema.String
}) {}

/** Queries of views by name, in an order in which no query reads a later view. */
export type Definitions = Readonly<Record<string, string>>

/**
 * Creates or replaces views, and drops the views of `gone`. Existing views keep their grants, owner, comments and
 * options, and every view that reads them stays. Fails when such a view does not fit, and changes nothing then. Call
 * it in a transaction.
 */
export const defineViews = Effect.fnUntraced(
  function*(definitions: Definitions, gone: ReadonlyArray<string> = []) {
    const sql = yield* SqlClient
    const names = Object.keys(definitions)
    const before = yield* replacedBy([...names, ...gone])
    const withOptions = (name: string) => before.find((view) => view.own === name)?.options ?? ""
    const replace = Effect.gen(function*() {
      for (const [name, query] of Object.entries(definitions)) {
        // Without its options, a replaced view would lose them.
        yield* sql.unsafe(`create or replace view ${name}${withOptions(name)} as ${query}`)
      }
      for (const name of gone) yield* sql.unsafe(`drop view if exists ${name}`)
    })
    yield* sql.withTransaction(replace).pipe(
      Effect.catchIf(
        (error) => needsNewViews.has(sqlStateOf(error) ?? ""),
        () => sql.withTransaction(createAgain(definitions, before))
      )
    )
    yield* grantReader(names.filter((name) => !before.some(({ own }) => own === name)))
  }
)

/** SQLSTATE: the columns do not fit the existing view, or a view of a user reads a view that is dropped. */
const needsNewViews = new Set(["42P16", "2BP01"])

/**
 * Drops the views and every view that reads them. Creates them again, and then the views of users with their former
 * definitions. Restores what else was defined for each of them.
 */
const createAgain = Effect.fnUntraced(function*(definitions: Definitions, before: ReadonlyArray<Replaced>) {
  const sql = yield* SqlClient
  const filled = before.find(({ materialized }) => materialized)
  if (filled !== undefined) {
    return yield* new ViewsDoNotFit({
      view: filled.name,
      message:
        `The materialized view ${filled.name} reads ${filled.reads}, whose columns change. It is not created `
        + "again, because readers would wait until it is filled. Nothing was changed. Drop it, repeat this, and "
        + "create it again for the new columns."
    })
  }
  const parts = yield* partsOf(before)
  for (const view of before.toReversed()) {
    yield* orRefuse(
      view,
      sql.unsafe(`drop view ${view.name}`),
      (reason) =>
        `The view ${view.name} cannot be replaced: ${reason}. Nothing was changed. Drop what depends on it, or let the `
        + "role of this process own it, and repeat this."
    )
  }
  for (const [name, query] of Object.entries(definitions)) {
    const options = before.find((view) => view.own === name)?.options ?? ""
    yield* sql.unsafe(`create view ${name}${options} as ${query}`)
  }
  const made = before.filter(({ own }) => own === null || Object.hasOwn(definitions, own))
  for (const view of made) {
    if (view.own === null) {
      const create = `create view ${view.name}${view.options} as ${view.query}`
      yield* orRefuse(
        view,
        sql.unsafe(create),
        (reason) =>
          `The view ${view.name} does not fit the new columns of ${view.reads}: ${reason}. Nothing was changed. Drop or `
          + "change it, repeat this, and create it for the new columns."
      )
    }
  }
  for (const view of made) yield* restore(view, parts)
})

type Part = Effect.Success<ReturnType<typeof partsOf>>[number]

/** Restores the parts of a view's definition that its query and options do not contain. */
const restore = Effect.fnUntraced(function*(view: Replaced, parts: ReadonlyArray<Part>) {
  const sql = yield* SqlClient
  const columns = new Set((yield* allColumns(
    sql`select attname as name from pg_attribute where attrelid = ${view.name}::regclass and attnum > 0`
  )).map(({ name }) => name))
  // Default privileges of the database can give a new view grants that the former one did not have.
  const given = yield* allStatements(sql`
    select distinct format('revoke all on %s from %s', ${view.name}::text,
      case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end) as statement
    from pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner)))
    where pg_class.oid = ${view.name}::regclass`)
  const own = parts.filter(({ name }) => name === view.name)
  const lost = own.filter(({ column }) => column !== null && !columns.has(column))
  for (const { column, statement } of lost) {
    yield* Effect.logWarning(
      `the view ${view.name} no longer has the column ${column}, so this no longer applies: ${statement}`
    )
  }
  const kept = own.filter((part) => !lost.includes(part))
  const isGrant = ({ statement }: { readonly statement: string }) => statement.startsWith("grant ")
  for (const { statement } of [...kept.filter((part) => !isGrant(part)), ...given, ...kept.filter(isGrant)]) {
    yield* orRefuse(
      view,
      sql.unsafe(statement),
      (reason) =>
        `The view ${view.name} would lose a part of its definition, because \`${statement}\` fails: ${reason}. Nothing `
        + "was changed. Remove this part or let the role of this process restore it, and repeat this."
    )
  }
})

/** Turns an error that a repetition cannot repair into a message with the remedy. */
const orRefuse = <A, E, R>(
  view: Replaced,
  statement: Effect.Effect<A, E, R>,
  message: (reason: string) => string
): Effect.Effect<A, E | ViewsDoNotFit, R> =>
  Effect.catch(statement, (error): Effect.Effect<never, E | ViewsDoNotFit> =>
    isTransient(error)
      ? Effect.fail(error)
      : Effect.fail(new ViewsDoNotFit({ view: view.name, message: message(messageOf(error)) })))

/** Lets the reader role, if it exists, select from new views. Other views keep the grants that they have. */
const grantReader = Effect.fnUntraced(function*(names: ReadonlyArray<string>) {
  const sql = yield* SqlClient
  const roles = yield* sql`select 1 from pg_roles where rolname = ${readerRole}`
  if (roles.length === 0) return
  for (const name of names) yield* sql.unsafe(`grant select on ${name} to ${readerRole}`)
})

const allColumns = allRows(Schema.Struct({ name: Schema.String }))
const allStatements = allRows(Schema.Struct({ statement: Schema.String }))
