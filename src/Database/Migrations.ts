import { Effect, Layer, Schedule, Schema } from "effect"
import * as Migrator from "effect/sql/Migrator"
import { SqlClient } from "effect/sql/SqlClient"
import { createChanges } from "./ChangesTable.ts"
import { explain } from "./MigrationFailed.ts"
import { createReaderOfViews } from "./ReaderRole.ts"
import { allRows } from "./Rows.ts"
import { isTransient } from "./SqlFailure.ts"

const allGenerations = allRows(
  Schema.Struct({ applied: Schema.String, name: Schema.String, generation: Schema.Finite })
)
const allApplied = allRows(Schema.Struct({ applied: Schema.String }))

/**
 * Each migration runs once, in the order of the numbers. Never change a released migration; add another one. A
 * migration that can take longer than a minute starts with `set local statement_timeout = 0`.
 */
export const migrations = {
  "0001_projections": Effect.flatMap(SqlClient, (sql) =>
    sql`create table projections (
      name text primary key,
      generation integer not null,
      version integer not null,
      created_at timestamptz not null default now()
    )`),
  "0002_rebuilds": Effect.gen(function*() {
    const sql = yield* SqlClient
    yield* sql`alter table projections add column tables jsonb, add column error text,
      add column error_at timestamptz`
    yield* sql`create table rebuilds (
      id bigint generated always as identity primary key,
      name text not null references projections (name),
      generation integer not null,
      version integer,
      kind text not null check (kind in ('rebuild', 'dry-run', 'verify')),
      state text not null default 'running'
        check (state in ('running', 'comparing', 'switched', 'compared', 'cancelled', 'failed')),
      requested_by text not null,
      requested_at timestamptz not null default now(),
      started_at timestamptz,
      finished_at timestamptz,
      error text,
      result jsonb,
      retires integer not null,
      retired_tables jsonb,
      dropped_at timestamptz,
      unique (name, generation)
    )`
    yield* sql`create unique index rebuilds_active on rebuilds (name) where state in ('running', 'comparing')`
    yield* sql`create table repeated (
      name text not null,
      generation integer not null,
      sequence bigint not null,
      primary key (name, generation, sequence)
    )`
  }),
  "0003_reconciliations": Effect.gen(function*() {
    const sql = yield* SqlClient
    yield* sql`create table reconciliations (
      id bigint generated always as identity primary key,
      state text not null default 'running' check (state in ('running', 'done', 'cancelled', 'failed')),
      since timestamptz not null,
      until timestamptz not null,
      qpr_code_id text,
      dry_run boolean not null,
      scheduled boolean not null,
      requested_by text not null,
      requested_at timestamptz not null default now(),
      started_at timestamptz,
      finished_at timestamptz,
      seen bigint not null default 0,
      missing bigint not null default 0,
      appended bigint not null default 0,
      dead_lettered bigint not null default 0,
      unusable bigint not null default 0,
      examples jsonb not null default '[]',
      error text,
      holder text,
      held_until timestamptz
    )`
    yield* sql`create unique index reconciliations_running on reconciliations (state) where state = 'running'`
    yield* sql`create table reconciled (
      scan_id text primary key,
      reconciliation bigint not null references reconciliations (id),
      appended_at timestamptz not null default now()
    )`
  }),
  "0004_origin": Effect.gen(function*() {
    const sql = yield* SqlClient
    yield* sql`alter table projections add column log text`
    yield* sql`alter table rebuilds add column log text,
      add column accepts_new_log boolean not null default false`
  }),
  "0005_repeated_ids": Effect.gen(function*() {
    const sql = yield* SqlClient
    // Null in rows that were recorded before this migration.
    yield* sql`alter table repeated add column event_id text`
    yield* sql`create index repeated_event_id on repeated (event_id)`
  }),
  "0006_completed": Effect.flatMap(
    SqlClient,
    (sql) => sql`alter table rebuilds add column completed boolean not null default true`
  ),
  "0007_applied_counts": Effect.gen(function*() {
    const sql = yield* SqlClient
    yield* sql`set local statement_timeout = 0`
    yield* sql`create table applied_counts (
      name text not null,
      generation integer not null,
      bucket bigint not null,
      shard integer not null,
      events bigint not null,
      primary key (name, generation, bucket, shard)
    ) with (fillfactor = 50)`
    const tables = yield* allGenerations(sql`
      select tablename as applied, parts[1] as name, parts[2]::int as generation
      from pg_tables, regexp_match(tablename, '^(.+)_applied_([0-9]+)$') as parts
      where schemaname = current_schema() and parts[1] in (select name from projections)`)
    for (const { applied, generation, name } of tables) {
      yield* sql`insert into applied_counts
        select ${name}::text, ${generation}::int, sequence / 10000, 0, count(*) from ${
        sql(applied)
      } group by 3`
      yield* sql`create index on ${sql(applied)} using brin (sequence)
        with (pages_per_range = 16, autosummarize = on)`
    }
  }),
  "0008_forgotten": Effect.flatMap(
    SqlClient,
    (sql) => sql`create table forgotten (hash bytea primary key, at timestamptz not null)`
  ),
  "0009_places": Effect.gen(function*() {
    const sql = yield* SqlClient
    yield* sql`create table database_identity (
      single boolean primary key default true check (single),
      id text not null
    )`
    yield* sql`insert into database_identity (id) values (gen_random_uuid()::text)`
    yield* sql`create table places (
      name text not null,
      generation integer not null,
      durable text not null,
      checkpoint bigint not null default 0,
      mark_sequence bigint,
      mark_id text,
      replayed_to bigint,
      replays integer not null default 0,
      primary key (name, generation)
    )`
    // The existing durable consumers have these names.
    yield* sql`insert into places (name, generation, durable)
      select name, generation, name || '-' || generation from projections
      union select name, generation, name || '-' || generation from rebuilds where dropped_at is null
      union select name, retires, name || '-' || retires from rebuilds where dropped_at is null`
  }),
  "0013_repeated_bodies": Effect.gen(function*() {
    const sql = yield* SqlClient
    // Null until the body has been compared with the applied one.
    yield* sql`alter table repeated add column body text check (body in ('same', 'other', 'gone'))`
    yield* sql`create index repeated_to_compare on repeated (sequence) where body is null`
  }),
  "0014_row_retentions": Effect.gen(function*() {
    const sql = yield* SqlClient
    // How long each process keeps rows, in milliseconds; null keeps them without a limit.
    yield* sql`create table row_retentions (
      process text primary key,
      retention bigint,
      seen_at timestamptz not null default now()
    )`
  }),
  "0016_reconciled_codes": Effect.flatMap(
    SqlClient,
    (sql) =>
      sql`alter table reconciliations add column codes_seen bigint not null default 0,
        add column codes_outdated bigint not null default 0,
        add column codes_appended bigint not null default 0,
        add column codes_unusable bigint not null default 0,
        add column codes_error text`
  ),
  "0017_erased_ids": Effect.gen(function*() {
    const sql = yield* SqlClient
    yield* sql`set local statement_timeout = 0`
    yield* sql`create table erased_ids (hash bytea primary key)`
    yield* sql`create table erased_position (
      single boolean primary key default true check (single),
      log text not null,
      sequence bigint not null
    )`
    // Events that were erased before have a negative sequence.
    const tables = yield* allApplied(sql`
      select tablename as applied from pg_tables, regexp_match(tablename, '^(.+)_applied_([0-9]+)$') as parts
      where schemaname = current_schema() and parts[1] in (select name from projections)`)
    for (const { applied } of tables) {
      yield* sql`insert into erased_ids select sha256(convert_to(event_id, 'UTF8')) from ${sql(applied)}
        where sequence < 0 and event_id <> concat('sequence:', -sequence) on conflict do nothing`
    }
  }),
  "0018_reader": createReaderOfViews,
  "0019_published_ids": Effect.gen(function*() {
    const sql = yield* SqlClient
    yield* sql`set local statement_timeout = 0`
    // Earlier versions insert hashes without this column. They are published too.
    yield* sql`alter table erased_ids add column published boolean not null default false`
    yield* sql`create index erased_ids_unpublished on erased_ids (hash) where not published`
  }),
  "0020_definitions": Effect.gen(function*() {
    const sql = yield* SqlClient
    // A hash of a user's definition; null of a built-in projection. And why a rebuild is to start, if one is.
    yield* sql`alter table projections add column definition text, add column rebuild_wanted text`
    yield* sql`alter table rebuilds add column definition text`
  }),
  "0021_changes": createChanges,
  "0022_event_types": Effect.gen(function*() {
    const sql = yield* SqlClient
    // The types are null until a program that knows the column starts.
    yield* sql`alter table projections add column claimed_version integer not null default 0,
      add column revision integer not null default 0, add column types jsonb`
    yield* sql`alter table rebuilds add column revision integer not null default 0, add column types jsonb`
  })
}

/**
 * Runs the pending migrations, all or none. Several processes can call this at once: the first one locks the others
 * out until it has finished.
 */
export const run = Migrator.make({})({ loader: Migrator.fromRecord(migrations) }).pipe(
  Effect.retry({ while: isTransient, schedule: Schedule.spaced("1 second"), times: 10 }),
  Effect.mapError((cause) => explain(cause)),
  Effect.tap((done) =>
    done.length === 0 ? Effect.void : Effect.logInfo(`Migrated the database: ${done.map(([, name]) => name)}`)
  ),
  Effect.asVoid
)

export const layer = Layer.effectDiscard(run)
