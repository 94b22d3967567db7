import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Database } from "../../src/Database/Database.ts"
import { platform } from "./Broker.ts"

/** A city that the tables of scans refuse after `refusePoison`; a text that ends so is refused too. */
export const poison = "poison"

/** Part of the error that is kept of a scan in such a city. */
export const poisonError = /violates check constraint "no_poison"/

/**
 * Makes every table of scans in this database refuse scans in one city, those of later rebuilds too. Such an event has a
 * valid signature and a valid schema, and no projection can ever apply it.
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

/** The same in the database at a URL. */
export const refusePoisonAt = (url: string) =>
  Effect.provide(
    refusePoison,
    Database.layer({ url: Redacted.make(url), dataDir: "" }).pipe(Layer.provide(platform), Layer.orDie)
  )
