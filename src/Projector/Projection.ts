import { Effect } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"

/** A table of a read model, with its columns, constraints and indexed columns. */
export interface Table {
  /** The columns that identify a row. */
  readonly key: ReadonlyArray<string>
  readonly columns: string
  readonly indexes: ReadonlyArray<string>
}

/** The input of `apply`: events that are not applied yet, as rows for SQL. */
export interface Fresh {
  /**
   * Source to select from, with the columns `event_id text, sequence bigint, received_at timestamptz, event jsonb`.
   * `event` is the signed JSON.
   */
  readonly rows: Fragment
  readonly count: number
}

/**
 * A projection: the event types that it applies, the tables of its read model, and the SQL that changes them. The
 * projector passes each event to `apply` exactly once, in a transaction. Batches can arrive in any order, so `apply`
 * compares `sequence` to find the later of two events about the same row.
 */
export interface Projection {
  /** Also the name of its view. With the generation it is the name of the durable consumer: `scans-1`. */
  readonly name: string
  /** Incremented when the tables or `apply` change. A rebuild is then due. */
  readonly version: number
  /** The event types that change it. */
  readonly types: ReadonlyArray<string>
  /** Tables by name. Queries use these names, whichever generation is live. */
  readonly tables: Readonly<Record<string, Table>>
  /** Views that replace tables of earlier versions, by name. Their queries use the names of `tables`. */
  readonly views?: Readonly<Record<string, string>>
  readonly apply: Apply
  /** When undefined, erased data stays in the read model until the next rebuild. */
  readonly rows?: Rows
  /** A faster way to apply the many events of a rebuild. `apply` takes over when the rebuild has caught up. */
  readonly bulk?: {
    /** Like `apply`, but without what `complete` computes. */
    readonly apply: Apply
    /** Computes from the rows what `apply` has left out. Runs once, while no batch is applied. */
    readonly complete: (sql: SqlClient, table: TableOf) => Effect.Effect<void, SqlError>
  }
}

/** Describes the rows of a projection that belong to an entity, and how to remove them. */
export interface Rows {
  /** The table with one row per entity. Its key is `id`; `event_id` names the event that the row was built from. */
  readonly table: string
  /** The kind of entity; also the first word of the event types. */
  readonly entity: string
  /** Columns that refer to other entities, by kind of entity. */
  readonly belongsTo?: Readonly<Record<string, string>>
  /** The indexed column with the time of the event. Rows expire only when they have such a column. */
  readonly happenedAt?: string
  /**
   * Removes the rows that an SQL condition selects. Subtracts them from their counters when these are `completed`.
   * Returns the number of removed rows.
   */
  readonly remove: (
    sql: SqlClient,
    table: TableOf,
    which: Fragment,
    completed: boolean
  ) => Effect.Effect<number, SqlError>
}

/** Maps the name of a table to the table of one generation. */
export type TableOf = (name: string) => Fragment

export type Apply = (sql: SqlClient, table: TableOf, fresh: Fresh) => Effect.Effect<void, SqlError>

/** Removes rows that no counter includes. */
export const removeFrom = (name: string): Rows["remove"] => (sql, table, which) =>
  Effect.map(sql`delete from ${table(name)} where ${which} returning id`, (gone) => gone.length)

/** The table of one generation of a projection, such as `scans_1`. */
export const tableName = (name: string, generation: number) => `${name}_${generation}`

/** The durable consumer of one generation of a projection, such as `scans-1`. */
export const durableName = (name: string, generation: number) => `${name}-${generation}`
