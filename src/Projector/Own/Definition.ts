/** The columns of a read model, by name, with their Postgres types such as `text`, `bigint` or `timestamptz`. */
export type Columns = Readonly<Record<string, string>>

/** The names that the SQL of a read model uses instead of real tables. */
export interface Names {
  /** The table of the generation that is written. */
  readonly table: string
  /**
   * The new events of a batch, to select from: `event_id text, sequence bigint, received_at timestamptz, type text,
   * data jsonb, event jsonb`. `data` is the field `data` of the signed JSON `event`. The alias is `events`.
   */
  readonly events: string
}

/** Whose data a row holds, so that an erasure or the age of the row can remove exactly this row. */
export interface Belongs<Column extends string = string> {
  /** The kind of entity that each row is about. All events of a row are about one entity. */
  readonly entity: "scan" | "conversation" | "qpr_code" | "subscription"
  /** The column of type `text` with the id of the entity. */
  readonly id: Column
  /** Columns of type `text` with the ids of the scan or the code that the entity belongs to. */
  readonly belongsTo?: { readonly scan?: Column; readonly qpr_code?: Column } | undefined
  /** The column of type `timestamptz` with the time of the event. Only rows with one expire (`ROW_RETENTION`). */
  readonly happenedAt?: Column | undefined
}

interface Common<C extends Columns> {
  /**
   * The name of the view in SQL and of the model in the API: lower-case letters, digits and `_`, at most 40
   * characters.
   */
  readonly name: string
  /** A whole number from 1. Increase it with every change of the columns or of the SQL. A rebuild is then due. */
  readonly version: number
  /** The event types that change it, such as `scan.created`. Types that 3QPR does not send yet are allowed. */
  readonly types: ReadonlyArray<string>
  /** The columns that identify a row. They are never null. */
  readonly key: ReadonlyArray<keyof C & string>
  /** All columns, except `event_id` and `sequence`, which every read model has. */
  readonly columns: C
  /** Columns of further indexes, such as `"country, scanned_at desc"`. */
  readonly indexes?: ReadonlyArray<string> | undefined
  /** The columns by which `GET /v1/models/<name>` can filter. */
  readonly filters?: ReadonlyArray<keyof C & string> | undefined
  /** Without it, an erasure rebuilds the read model, and its rows never expire. */
  readonly rows?: Belongs<keyof C & string> | undefined
}

/**
 * A read model without upserts to write: each event gives a row. Order and batches cannot matter. A row whose key has
 * a null is left out.
 */
export interface ByRow<C extends Columns = Columns> extends Common<C> {
  /**
   * The SQL expression of each column over the columns of `events`, such as `data->>'country'`. It is cast to the
   * type of its column. Of several events with one key, the last one in the log decides.
   */
  readonly row: { readonly [K in keyof C]?: string }
  /** The SQL expressions of number columns that are added up over all events with one key, such as `1`. */
  readonly add?: { readonly [K in keyof C]?: string } | undefined
  readonly apply?: undefined
}

/** A read model whose SQL changes the table itself. */
export interface BySql<C extends Columns = Columns> extends Common<C> {
  /**
   * The statements for a batch, which run in the order of the list, in one transaction. Each event arrives once, in
   * any order and in any batch. So the statements compare `sequence` to find the later of two events about a row.
   * They set `event_id` and `sequence` to those of the last event of the row.
   */
  readonly apply: (names: Names) => string | ReadonlyArray<string>
  readonly row?: undefined
  readonly add?: undefined
}

/** A read model of your own: one table, filled from the events of some types. */
export type Definition<C extends Columns = Columns> = ByRow<C> | BySql<C>
