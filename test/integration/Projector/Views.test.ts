// Runs: node first

import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { randomUUID } from "node:crypto"
import { createReader } from "../../../src/Database/ReaderRole.ts"
import type { Projection } from "../../../src/Projector/Projection.ts"
import { create, install, replaceViews } from "../../../src/Projector/Tables.ts"
import { engines } from "../../support/Databases.ts"
import { rowsOf } from "../../support/Specification.ts"

/** A read model with these columns after its key. */
const notes = (name: string, version: number, columns: string): Projection => ({
  name,
  version,
  types: ["note.made"],
  tables: { [name]: { key: ["id"], columns: `id text primary key, ${columns}`, indexes: [] } },
  views: { [`${name}_total`]: `select count(*) as notes, max(shown) as shown from ${name}` },
  apply: () => Effect.void
})

/** The columns of version 2 begin with another one, which `create or replace view` refuses. */
const [first, second] = ["shown int, gone text", "added text, shown bigint"]

const newRole = Effect.acquireRelease(
  Effect.flatMap(SqlClient, (sql) => {
    const name = `role_${randomUUID().slice(0, 8)}`
    return Effect.as(sql.unsafe(`create role ${name}`), name)
  }),
  (name) =>
    Effect.flatMap(
      SqlClient,
      (sql) => Effect.andThen(sql.unsafe(`drop owned by ${name} cascade`), sql.unsafe(`drop role ${name}`))
    ).pipe(Effect.orDie)
)

/** Installs version 1, and returns what points its views to version 2. */
const installed = Effect.fnUntraced(function*(name: string) {
  const sql = yield* SqlClient
  yield* install(notes(name, 1, first), () => Effect.succeed(`${name}-1`))
  const next = notes(name, 2, second)
  yield* create(next, 2)
  return sql.withTransaction(replaceViews(next, 2, [name]))
})

/** Everything about views that a promotion must not change. */
const definitionsOf = (...views: ReadonlyArray<string>) =>
  rowsOf(
    `select relname, pg_get_userbyid(relowner) as owner, reloptions, obj_description(oid, 'pg_class') as comment,
      (select array_agg(acl::text order by acl::text) from unnest(coalesce(relacl, acldefault('r', relowner))) as acl)
        as grants,
      (select jsonb_object_agg(attname, jsonb_build_array(attacl::text, col_description(oid, attnum)))
        from pg_attribute where attrelid = oid and attname = 'id') as id,
      (select array_agg(array[pg_get_triggerdef(pg_trigger.oid), obj_description(pg_trigger.oid, 'pg_trigger')])
        from pg_trigger where tgrelid = pg_class.oid) as triggers,
      (select array_agg(array[rulename, obj_description(pg_rewrite.oid, 'pg_rewrite')])
        from pg_rewrite where ev_class = pg_class.oid and rulename <> '_RETURN') as rules
    from pg_class where relname in (${
      views.map((view) => `'${view}'`).join(", ")
    }) and relkind = 'v' order by 1`
  )

const refused = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), ({ message }) => message)

for (const engine of engines) {
  layer(engine.layer, { excludeTestServices: true })(`views on ${engine.name}`, (it) => {
    it.effect("keep grants, owners, options, comments, triggers and dependent views when the columns change", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        const switched = yield* installed("kept")
        const [analyst, other] = [yield* newRole, yield* newRole]
        const role = (name: string) => sql.literal(name)
        yield* sql`grant select on kept to ${role(analyst)} with grant option`
        yield* sql`grant select (id) on kept to ${role(other)}`
        yield* sql`grant select on kept_total to public`
        yield* sql`comment on view kept is 'What people ''noted'''`
        yield* sql`comment on column kept.id is 'The key'`
        yield* sql`alter view kept set (security_barrier = true)`
        yield* sql`create schema reports`
        yield* sql`grant create, usage on schema reports to ${role(analyst)}`
        yield* sql`create view reports.ids with (security_invoker = true) as select id, shown from kept`
        yield* sql`create view "Both" as select count(ids.id) as n, max(kept_total.notes) as notes
          from reports.ids, kept_total`
        yield* sql`grant select, insert on "Both" to ${role(other)}`
        yield* sql`alter view reports.ids owner to ${role(analyst)}`
        yield* sql`create function nothing() returns trigger language plpgsql as 'begin return null; end'`
        yield* sql`create trigger ignored instead of insert on "Both" for each row execute function nothing()`
        yield* sql`comment on trigger ignored on "Both" is 'Nothing is inserted'`
        yield* sql`create rule unchanged as on delete to kept_total do instead nothing`
        yield* sql`comment on rule unchanged on kept_total is 'Nothing is deleted'`
        const names = ["kept", "kept_total", "ids", "Both"]
        const before = yield* definitionsOf(...names)
        assert.strictEqual(before.length, names.length)
        // A view that is created again must not get what the former one did not have.
        yield* sql`alter default privileges grant select on tables to ${role(other)}`
        yield* switched
        yield* sql`alter default privileges revoke select on tables from ${role(other)}`
        assert.deepStrictEqual(yield* definitionsOf(...names), before)
        yield* sql`insert into kept_2 values ('a', 'new', 3000000000)`
        assert.deepStrictEqual(yield* rowsOf("select * from kept"), [{
          id: "a",
          added: "new",
          shown: 3_000_000_000
        }])
        assert.deepStrictEqual(yield* rowsOf("select * from reports.ids"), [{
          id: "a",
          shown: 3_000_000_000
        }])
        assert.deepStrictEqual(yield* rowsOf("select * from \"Both\""), [{ n: 1, notes: 1 }])
      }).pipe(Effect.scoped))

    it.effect("keep their options when the columns stay", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        const same = notes("same", 1, first)
        yield* install(same, () => Effect.succeed("same-1"))
        yield* create(same, 2)
        yield* sql`alter view same set (security_barrier = true)`
        yield* sql`alter view same_total set (security_invoker = true)`
        const before = yield* definitionsOf("same", "same_total")
        yield* sql.withTransaction(replaceViews(same, 2, ["same"]))
        assert.deepStrictEqual(yield* definitionsOf("same", "same_total"), before)
      }))

    it.effect("stay as they are when something of a user does not fit, and the error names it", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        const switched = yield* installed("strict")
        const shown = rowsOf(
          "select column_name as name from information_schema.columns where table_name = 'strict'"
        )
        const before = yield* shown
        yield* sql`create view all_gone as select gone from strict`
        yield* sql`create view above as select gone from all_gone`
        assert.match(
          yield* refused(switched),
          /^The view all_gone does not fit the new columns of strict: column "gone" does not exist .*Nothing was changed\. Drop or/
        )
        assert.deepStrictEqual(yield* shown, before)
        assert.deepStrictEqual(yield* rowsOf("select * from above"), [])
        yield* sql`drop view above`
        yield* sql`drop view all_gone`
        yield* sql`create materialized view stored as select id from strict`
        assert.match(
          yield* refused(switched),
          /^The materialized view stored reads strict, .*Drop it, repeat this/
        )
        yield* sql`drop materialized view stored`
        yield* sql`create function every() returns setof strict language sql as 'select * from strict'`
        assert.match(
          yield* refused(switched),
          /^The view strict cannot be replaced: .*function every\(\) depends on type strict/
        )
        assert.deepStrictEqual(yield* shown, before)
        yield* sql`drop function every()`
        // As `security label` stores it. No engine of the tests has a provider that could take it again.
        const label = (column: number) =>
          sql`insert into pg_seclabel values ('strict'::regclass, 'pg_class'::regclass, ${column}::int, 'guard', 'secret')`
        const labels = sql`select objsubid, label from pg_seclabel order by 1`
        for (const [column, statement] of [[0, "view strict"], [1, "column strict.id"]] as const) {
          yield* label(column)
          const kept = yield* labels
          const message = yield* refused(switched)
          assert.include(message, `security label for guard on ${statement} is 'secret'`)
          assert.match(
            message,
            /^The view strict would lose .* provider "guard" is not loaded .*\. Nothing was changed\. Remove/
          )
          assert.deepStrictEqual(yield* labels, kept)
          yield* sql`delete from pg_seclabel where provider = 'guard'`
        }
        yield* switched
        assert.notDeepEqual(yield* shown, before)
      }))

    it.effect("stay while a view reads one whose table no longer exists", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        const next = notes("fewer", 2, second)
        yield* install(
          {
            ...notes("fewer", 1, first),
            tables: { ...notes("fewer", 1, first).tables, extra: next.tables["fewer"] ?? assert.fail() }
          },
          () => Effect.succeed("fewer-1")
        )
        yield* create(next, 2)
        const switched = sql.withTransaction(replaceViews(next, 2, ["fewer", "extra"]))
        yield* sql`create view of_extra as select id from extra`
        assert.match(
          yield* refused(switched),
          /^The view of_extra does not fit .*relation "extra" does not exist/
        )
        yield* sql`drop view of_extra`
        yield* switched
        assert.deepStrictEqual(yield* sql`select to_regclass('extra') as extra`, [{ extra: null }])
      }))

    it.effect("let the reader role select, and keep what an administrator has revoked", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        const switched = yield* installed("read")
        const may = (view: string) =>
          rowsOf(`select has_table_privilege('threeqpr_reader', '${view}', 'select') as may`)
        assert.deepStrictEqual(yield* may("read"), [{ may: true }])
        assert.deepStrictEqual(yield* may("read_1"), [{ may: false }])
        yield* sql`revoke select on read_total from threeqpr_reader`
        yield* switched
        assert.deepStrictEqual(yield* may("read"), [{ may: true }])
        assert.deepStrictEqual(yield* may("read_total"), [{ may: false }])
        // A user who may not create roles gets a log line, and the transaction continues.
        const plain = yield* newRole
        yield* sql.withTransaction(Effect.gen(function*() {
          yield* sql`set local role ${sql.literal(plain)}`
          yield* createReader(["read"])
          assert.strictEqual((yield* sql`select 1`).length, 1)
        }))
      }).pipe(Effect.scoped))
  })
}
