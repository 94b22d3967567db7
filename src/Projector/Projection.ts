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
  /**
   * Incremented when `types` change and `version` does not. While processes with different types run, those with the
   * lower version or revision apply no event. Default: 1.
   */
  readonly revision?: number
  /** The event types that change it. */
  readonly types: ReadonlyArray<string>
  /** Tables by name. Queries use these names, whichever generation is live. */
  readonly tables: Readonly<Record<string, Table>>
  /** Views that replace tables of earlier versions, by name. Their queries use the names of `tables`. */
  readonly views?: Readonly<Record<string, string>>
  readonly apply: Apply
  /** When undefined, an erasure rebuilds the read model. */
  readonly rows?: Rows
  /** Only of read models that users define. */
  readonly own?: Own
  /** A faster way to apply the many events of a rebuild. `apply` takes over when the rebuild has caught up. */
  readonly bulk?: {
    /** Like `apply`, but without what `complete` computes. */
    readonly apply: Apply
    /** Computes from the rows what `apply` has left out. Runs once, while no batch is applied. */
    readonly complete: (sql: SqlClient, table: TableOf) => Effect.Effect<void, SqlError>
  }
}

/** What a user's definition says beyond a projection. */
export interface Own {
  /** Identifies the columns and the SQL. Another hash under the same version is refused. */
  readonly hash: string
  /** The SQL of a batch, with placeholders. */
  readonly statements: ReadonlyArray<string>
  /** The columns of its table with their types, without the standard ones. */
  readonly columns: Readonly<Record<string, string>>
  /** The columns by which the API can filter. */
  readonly filters: ReadonlyArray<string>
  readonly origin: Origin
}

/** Where a user's definition is. */
export interface Origin {
  /** For messages: `models.ts:3`. */
  readonly place: string
  /** The place of a line of its SQL; undefined when the file has no such line. */
  readonly placeOf: (sql: string) => string | undefined
}

/** Describes the rows of a projection that belong to an entity, and how to remove them. */
export interface Rows {
  /** The table with one row per entity; `event_id` names the event that the row was built from. */
  readonly table: string
  /** The column with the id of the entity; `id` when undefined. */
  readonly id?: string
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

/** The column with the id of the entity that a row is about. */
export const idColumn = (sql: SqlClient, { id = "id" }: Pick<Rows, "id">) => sql.literal(id)

/** Maps the name of a table to the table of one generation. */
export type TableOf = (name: string) => Fragment

export type Apply = (sql: SqlClient, table: TableOf, fresh: Fresh) => Effect.Effect<void, SqlError>

/** Removes rows that no counter includes. */
export const removeFrom = (name: string): Rows["remove"] => (sql, table, which) =>
  Effect.map(sql`delete from ${table(name)} where ${which} returning 1`, (gone) => gone.length)

/** The table of one generation of a projection, such as `scans_1`. */
export const tableName = (name: string, generation: number) => `${name}_${generation}`

/** The durable consumer of one generation of a projection, such as `scans-1`. */
export const durableName = (name: string, generation: number) => `${name}-${generation}`
