import { Effect } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"

/** A table of a read model: its columns and constraints, and what its indexes are on. */
export interface Table {
  /** The columns that tell its rows apart. */
  readonly key: ReadonlyArray<string>
  readonly columns: string
  readonly indexes: ReadonlyArray<string>
}

/** What a projection gets to apply: events it has never applied before, as rows for SQL. */
export interface Fresh {
  /**
   * What to select from: `event_id text, sequence bigint, received_at timestamptz, event jsonb`, the latter the
   * signed JSON as it stands.
   */
  readonly rows: Fragment
  readonly count: number
}

/**
 * A read model: which events change it, its tables, and the SQL that changes them. The projector gives
 * each event to `apply` exactly once, in a transaction. Batches may come in any order, so `apply` decides by `sequence`
 * which of two events about the same row is the later one.
 */
export interface Projection {
  /** Also the name of its view, and with the generation of its durable consumer: `scans-1`. */
  readonly name: string
  /** Grows when the tables or `apply` change, so that a rebuild is due. */
  readonly version: number
  /** The event types that change it. */
  readonly types: ReadonlyArray<string>
  /** By name; queries see them under these names, whatever the generation. */
  readonly tables: Readonly<Record<string, Table>>
  /** Views that take the place of former tables, by name: queries over the names of `tables`. */
  readonly views?: Readonly<Record<string, string>>
  readonly apply: Apply
  /** Without it what is forgotten stays in the read model until that is rebuilt. */
  readonly rows?: Rows
  /** A faster way for a rebuild, where most events come at once; `apply` takes over when it has caught up. */
  readonly bulk?: {
    /** Like `apply`, but leaves out what `complete` makes. */
    readonly apply: Apply
    /** Makes what was left out of what is there: once, while no batch is applied. */
    readonly complete: (sql: SqlClient, table: TableOf) => Effect.Effect<void, SqlError>
  }
}

/** Where the rows of a projection are that say something of an entity, and how they are removed. */
export interface Rows {
  /** The table with a row for each entity; its key is `id`, and `event_id` the event that it is made from. */
  readonly table: string
  /** What each row is about; also the first word of the types. */
  readonly entity: string
  /** The columns that say what else the entity belongs to. */
  readonly belongsTo?: Readonly<Record<string, string>>
  /** When what a row tells of happened: rows that are kept for a time only have such a column, with an index. */
  readonly happenedAt?: string
  /**
   * Removes the rows that a condition of SQL selects, and takes them from what is made of them if that has been
   * `completed`. Gives how many rows there were.
   */
  readonly remove: (
    sql: SqlClient,
    table: TableOf,
    which: Fragment,
    completed: boolean
  ) => Effect.Effect<number, SqlError>
}

/** The table of a name, of the generation that is meant. */
export type TableOf = (name: string) => Fragment

export type Apply = (sql: SqlClient, table: TableOf, fresh: Fresh) => Effect.Effect<void, SqlError>

/** Removes rows that nothing else is made of. */
export const removeFrom = (name: string): Rows["remove"] => (sql, table, which) =>
  Effect.map(sql`delete from ${table(name)} where ${which} returning id`, (gone) => gone.length)

/** The table of one generation of a projection, such as `scans_1`. */
export const tableName = (name: string, generation: number) => `${name}_${generation}`

/** The durable consumer of one generation of a projection, such as `scans-1`. */
export const durableName = (name: string, generation: number) => `${name}-${generation}`
