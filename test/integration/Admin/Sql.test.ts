// Runs: node first

import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { HttpServer } from "effect/http"
import { SqlClient } from "effect/sql/SqlClient"
import * as Admin from "../../../src/Admin/Admin.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { engines, postgres } from "../../support/Databases.ts"
import { send } from "../../support/Http.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { delivered, given, rowsOf } from "../../support/Specification.ts"

const [token, readToken] = ["the-token-of-the-tests", "the-read-token-of-tests"]

interface Answer {
  readonly columns: ReadonlyArray<{ readonly name: string; readonly type: string }>
  readonly rows: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly cut: string | null
  readonly type: string
  readonly detail: string
  readonly position?: number
}

const ask = Effect.fnUntraced(function*(statement: string, more: object = {}, bearer = token) {
  const { address } = yield* HttpServer.HttpServer
  const answer = yield* send(`${HttpServer.formatAddress(address)}/v1/sql`, {
    method: "POST",
    headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
    body: JSON.stringify({ statement, ...more })
  })
  return { status: answer.status, body: answer.body as Answer }
})

/** Each statement, and what its refusal says. */
const refusals: ReadonlyArray<readonly [statement: string, says: RegExp]> = [
  ["insert into scans_1 select * from scans_1", /syntax error.*Allowed is one select/],
  ["drop table scans_1", /syntax error/],
  [
    "with gone as (delete from scans returning 1) select * from gone",
    /data-modifying.*Allowed is one select/
  ],
  ["select * into copied from scans", /SELECT INTO/],
  ["select * from scans for update", /FOR UPDATE|permission denied/],
  ["select 1; drop table scans_1", /multiple commands/],
  ["commit; drop table scans_1", /syntax error|multiple commands/],
  ["select 1) as one; drop table scans_1; select * from (select 1", /syntax error|multiple commands/],
  ["select 1) as one, (select pg_sleep(0)", /syntax error/],
  ["explain analyze select 1", /syntax error/],
  ["copy scans to program 'true'", /syntax error/],
  ["do $$ begin delete from scans_1; end $$", /syntax error/],
  ["set role postgres", /syntax error/],
  ["select nextval('rebuilds_id_seq')", /calls nextval\. /],
  [
    "select (select max(value) from generate_series(1, 2) as value) + setval('rebuilds_id_seq', 9)",
    /calls setval/
  ],
  ["select lo_create(0)", /calls lo_create/],
  ["select set_config('role', 'none', false)", /calls set_config/],
  ["select pg_try_advisory_lock(1) from scans", /calls pg_try_advisory_lock/],
  ["select pg_advisory_lock(1)", /pseudo-type void.*Allowed is one select/],
  ["select count(*) from scans where pg_advisory_lock(1) is null", /calls pg_advisory_lock/],
  ["select 1 where pg_notify('a', 'b') is null", /calls pg_notify/],
  ["select 1 order by pg_sleep(60)::text", /calls pg_sleep/],
  ["select * from pg_read_file('PG_VERSION')", /calls pg_read_file/],
  ["select query_to_xml('select 1', true, true, '')", /calls query_to_xml/],
  ["select \"pg_catalog\".\"pg_terminate_backend\"(1)", /calls pg_terminate_backend/],
  ["select secretly(1)", /calls secretly/],
  ["select 1 ?!? 2", /calls secretly_two/],
  ["select * from projections", /permission denied.*threeqpr_reader/],
  ["table scans_1", /permission denied/],
  ["select 1 as same, 2 as same", /specified more than once.*`as`/],
  ["select 1 /* open", /unterminated/],
  ["select 1 / 0", /division by zero/],
  ["select * from nothing_there", /does not exist.*The views are scans, /]
]

for (const engine of engines) {
  const stack = Layer.mergeAll(consumersOnBroker, ProcessHealth.layer).pipe(Layer.provideMerge(engine.layer))
  const options = { host: "127.0.0.1", port: 0 }
  const listener = Admin.layer({
    ...options,
    token: Redacted.make(token),
    readToken: Redacted.make(readToken)
  })
    .pipe(Layer.provideMerge(stack))

  layer(listener, { excludeTestServices: true })(`/v1/sql on ${engine.name}`, (it) => {
    it.effect("reads the views: exact numbers, types of columns, nulls, and comments and semicolons at the end", () =>
      Effect.gen(function*() {
        const { when } = yield* given(scans)
        yield* when([delivered(1, "evt_1", "scan.created", { id: "scan_1", country: "CH" })])
        const { body, status } = yield* ask(
          "select id, sequence, 12345678901234567890.5 as exact, device, data from scans; -- the end"
            .replace("; -- the end", "") + " -- the end"
        )
        assert.strictEqual(status, 200)
        assert.deepStrictEqual(body.columns.map(({ name, type }) => `${name} ${type}`), [
          "id text",
          "sequence bigint",
          "exact numeric",
          "device text",
          "data jsonb"
        ])
        assert.deepInclude(body.rows[0], {
          id: "scan_1",
          sequence: 1,
          device: null,
          data: { id: "scan_1", country: "CH" }
        })
        assert.isNull(body.cut)
        for (
          const statement of [
            "values (1, 'a') ;;\n",
            "table scan_total_days",
            "with one as (select 1) select * from one"
          ]
        ) {
          assert.strictEqual((yield* ask(statement)).status, 200, statement)
        }
        assert.strictEqual(
          (yield* ask("select random(), now(), clock_timestamp(), gen_random_uuid()")).status,
          200
        )
      }))

    it.effect("says which rows it leaves out", () =>
      Effect.gen(function*() {
        const rows = (query: string, more?: object) =>
          Effect.map(ask(query, more), ({ body }) => [body.rows.length, body.cut])
        const series = "select n from generate_series(1, 3) as n order by n desc"
        assert.deepStrictEqual(yield* rows(series, { limit: 3 }), [3, null])
        assert.deepStrictEqual(yield* rows(series, { limit: 2 }), [2, "rows"])
        assert.deepStrictEqual((yield* ask(series)).body.rows, [{ n: 3 }, { n: 2 }, { n: 1 }])
        assert.deepStrictEqual(yield* rows("select repeat('x', 3000000) as x from generate_series(1, 4)"), [
          2,
          "bytes"
        ])
        assert.deepStrictEqual(yield* rows("select repeat('x', 9000000) as x"), [0, "bytes"])
        assert.deepStrictEqual(yield* rows("select 1 where false"), [0, null])
      }))

    it.effect("refuses what could change something, and says what is allowed", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* given(scans)
        yield* sql`create or replace function secretly(int) returns int language sql as 'select $1'`
        yield* sql`create or replace function secretly_two(int, int) returns int language sql as 'select $1'`
        yield* sql`create operator ?!? (leftarg = int, rightarg = int, function = secretly_two)`
        const state = rowsOf(
          `select (select count(*) from pg_class where relname !~ '^pg_toast') as relations,
          (select last_value from rebuilds_id_seq) as last, current_user as role,
          (select count(*) from pg_largeobject_metadata) as objects,
          current_setting('transaction_read_only') as reads`
        )
        const before = yield* state
        for (const [statement, says] of refusals) {
          const { body, status } = yield* ask(statement)
          assert.strictEqual(status, 400, `${statement}: ${JSON.stringify(body)}`)
          assert.strictEqual(body.type, "urn:threeqpr-events:problem:invalid-statement")
          assert.match(body.detail, says, statement)
        }
        assert.deepStrictEqual(yield* state, before)
        assert.deepStrictEqual(
          yield* rowsOf("select * from pg_locks where locktype = 'advisory' and objid = 1"),
          []
        )
      }))

    it.effect("names the position of an error in the statement", () =>
      Effect.gen(function*() {
        const { body } = yield* ask("select contry from scans")
        assert.strictEqual(body.position, 8)
        assert.match(
          body.detail,
          /^column "contry" does not exist \(SQLSTATE 42703\), at character 8\. Perhaps you meant/
        )
      }))

    it.effect("does not run longer than it may", () =>
      Effect.gen(function*() {
        const long = "select count(*) from generate_series(1, 100000000) as a, generate_series(1, 1000) as b"
        const { body, status } = yield* ask(long, { timeout_seconds: 1 })
        if (engine === postgres) {
          assert.deepStrictEqual([status, body.detail], [
            504,
            "The statement did not end within 1 s. Give it more time, or select fewer rows."
          ])
        } else {
          assert.strictEqual(status, 400)
          assert.match(
            body.detail,
            /^The embedded database cannot stop a statement, .* cost above 500000\. This one has/
          )
          const endless = "with recursive n as (select 1 as i union all select i + 1 from n) select * from n"
          assert.match((yield* ask(endless)).body.detail, /`with recursive` is not allowed/)
        }
      }))

    it.effect("needs the token that may operate, on a listener with a token", () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* ask("select 1", {}, "wrong-token-of-the-tests")).status, 401)
        assert.strictEqual((yield* ask("select 1", {}, readToken)).status, 403)
        const open = yield* Effect.provide(
          ask("select 1"),
          Layer.fresh(Admin.layer(options).pipe(Layer.provide(stack)))
        )
        assert.strictEqual(open.status, 503)
        assert.match(open.body.detail, /without a token/)
      }), 60_000)
  })
}
