import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Database } from "../../src/Database/Database.ts"
import { platform } from "./Broker.ts"

/** A city that the scans tables refuse after `refusePoison`. They also refuse a city that ends with this text. */
export const poison = "poison"

/** Part of the recorded error of a scan in such a city. */
export const poisonError = /violates check constraint "no_poison"/

/**
 * Makes every scans table in this database refuse scans in one city, including the tables of later rebuilds. Such an
 * event has a valid signature and schema, but no projection can ever apply it.
 */
export const refusePoison = Effect.gen(function*() {
  const sql = yield* SqlClient
  yield* sql.unsafe(`
    create or replace function refuse_poison(scans text) returns void language plpgsql as $$
    begin
      execute format('alter table %s drop constraint if exists no_poison', scans);
      execute format('alter table %s add constraint no_poison check (city not like %L)', scans, '%${poison}');
    end $$`)
  yield* sql.unsafe(`
    create or replace function refuse_poison_in_new_tables() returns event_trigger language plpgsql as $$
    declare made record;
    begin
      for made in
        select object_identity from pg_event_trigger_ddl_commands()
        where command_tag = 'CREATE TABLE' and object_identity ~ '[.]scans_[0-9]+$'
      loop
        perform refuse_poison(made.object_identity);
      end loop;
    end $$`)
  yield* sql.unsafe("drop event trigger if exists refuse_poison")
  yield* sql.unsafe(`create event trigger refuse_poison on ddl_command_end when tag in ('CREATE TABLE')
    execute function refuse_poison_in_new_tables()`)
  yield* sql.unsafe(`select refuse_poison(tablename) from pg_tables
    where schemaname = 'public' and tablename ~ '^scans_[0-9]+$'`)
}).pipe(Effect.orDie)

/** Applies `refusePoison` to the database at a URL. */
export const refusePoisonAt = (url: string) =>
  Effect.provide(
    refusePoison,
    Database.layer({ url: Redacted.make(url), dataDir: "" }).pipe(Layer.provide(platform), Layer.orDie)
  )
