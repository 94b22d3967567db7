import type { PGlite } from "@electric-sql/pglite"
import { clearTimeout, setTimeout } from "node:timers"
import { isDeepStrictEqual } from "node:util"
import { tableColumns } from "./Check.ts"
import type { Columns, Definition } from "./Definition.ts"
import { openInMemory } from "./MemoryPostgres.ts"
import { projection } from "./Projection.ts"
import { eventsSource, marks, partsOf, statementsOf } from "./Statements.ts"

/** An event as 3QPR sends it. Without an `id` it gets one of its own. */
export interface GivenEvent {
  readonly id?: string
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

/** Values of a row by column: numbers, texts, booleans; timestamps as `2026-03-20T15:30:00+00:00`. */
export type ExpectedRow = Readonly<Record<string, unknown>>

/** A specification of a read model, step by step. */
export interface Specification {
  /** Events that are in the log before. */
  readonly given: (...events: ReadonlyArray<GivenEvent>) => Specification
  /** An event that arrives, also several times. */
  readonly when: (event: GivenEvent, options?: { readonly times?: number }) => Specification
  /**
   * Rejects when the read model has other rows than these, in any order, or when the rows depend on the order of the
   * events or on their batches. `event_id` and `sequence` are compared in rows that name them.
   */
  readonly then: (rows: ReadonlyArray<ExpectedRow>) => Promise<void>
}

/** The read model does not have the expected rows. */
export class SpecificationFailed extends Error {
  override readonly name = "SpecificationFailed"
}

/**
 * Tests a read model in memory, on an embedded Postgres that starts once for each process, in about a second. The first
 * start on a machine takes a few seconds. Events that 3QPR does not send to its types are left out, and each event counts once, as in `serve`.
 *
 * @example
 * ```ts
 * import { specify } from "threeqpr-events/projection"
 * import countries from "./models.ts"
 *
 * const scan = { event: "scan.created", data: { id: "scan_1", country: "CH", scanned_at: "2026-03-20T15:30:00Z" } }
 *
 * await specify(countries).given(scan).when({ ...scan, id: "evt_2" }, { times: 2 }).then([
 *   { country: "CH", scans: 2, last_scan: "2026-03-20T15:30:00+00:00" }
 * ])
 * ```
 */
export const specify = <C extends Columns>(definition: Definition<C>): Specification => {
  projection(definition)
  return stepOf(definition as Definition, [])
}

const stepOf = (definition: Definition, deliveries: ReadonlyArray<Delivery>): Specification => {
  const after = (events: ReadonlyArray<GivenEvent>) =>
    stepOf(definition, [...deliveries, ...events.map(deliveryOf)])
  const deliveryOf = (given: GivenEvent, at: number): Delivery => {
    const id = given.id ?? `evt_${deliveries.length + at + 1}`
    return { id, type: given.event, json: JSON.stringify({ ...given, id }) }
  }
  return {
    given: (...events) => after(events),
    when: (event, { times = 1 } = {}) =>
      after(Array.from({ length: times }, () => ({ id: `evt_${deliveries.length + 1}`, ...event }))),
    // oxlint-disable-next-line unicorn/no-thenable
    then: (rows) => {
      // An accidental `await` calls this with functions, and rejects with this error.
      if (!Array.isArray(rows)) throw new TypeError("then takes the expected rows, as a list of objects.")
      return withDatabase((db) => verify(db, definition, deliveries, rows))
    }
  }
}

interface Delivery {
  readonly id: string
  readonly type: string
  readonly json: string
}

interface Entry extends Delivery {
  readonly sequence: number
}

const verify = async (
  db: PGlite,
  definition: Definition,
  deliveries: ReadonlyArray<Delivery>,
  expected: ReadonlyArray<ExpectedRow>
) => {
  const entries = entriesOf(definition, deliveries)
  const run = runner(db, definition)
  const rows = await run([entries])
  const left = [...rows]
  const lacking = expected.filter((one) => {
    const at = left.findIndex((row) => isDeepStrictEqual(chosen(row, one, definition), one))
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
  if (lacking.length > 0 || left.length > 0) {
    throw new SpecificationFailed(
      `The read model ${definition.name} has other rows.\n  lacks: ${shown(lacking)}\n  has beyond that: ${
        shown(left)
      }`
    )
  }
  for (const batches of arrangementsOf(entries)) {
    const others = await run(batches)
    if (isDeepStrictEqual(rows, others)) continue
    const order = batches.map((batch) => batch.map(({ id }) => id).join(" ")).join(" | ")
    throw new SpecificationFailed(
      `The read model ${definition.name} depends on the order of its events, or on their batches.\n`
        + `  one batch in the order of the log: ${shown(rows)}\n  the batches ${order}: ${shown(others)}\n`
        + "Let `sequence` decide which of two events is the later one. `row` and `add` do that by themselves."
    )
  }
}

const shown = (rows: ReadonlyArray<unknown>) =>
  rows.length === 0 ? "none" : rows.map((row) => JSON.stringify(row)).join("\n    ")

/** Each id counts once, under its first place. */
const entriesOf = ({ types }: Definition, deliveries: ReadonlyArray<Delivery>): ReadonlyArray<Entry> => {
  const first = new Map<string, Entry>()
  for (const [at, delivery] of deliveries.entries()) {
    if (types.includes(delivery.type) && !first.has(delivery.id)) {
      first.set(delivery.id, { ...delivery, sequence: at + 1 })
    }
  }
  return [...first.values()]
}

/** The columns of a row that an expectation is about. */
const chosen = (row: ExpectedRow, expected: ExpectedRow, { columns }: Definition) =>
  Object.fromEntries(
    Object.entries(row).filter(([name]) => Object.hasOwn(columns, name) || Object.hasOwn(expected, name))
  )

/** Other orders and batches of the same events: one by one, backwards, and some that differ for each length. */
const arrangementsOf = (
  entries: ReadonlyArray<Entry>
): ReadonlyArray<ReadonlyArray<ReadonlyArray<Entry>>> => {
  if (entries.length === 0) return []
  const backwards = entries.toReversed()
  const random = numbers(entries.length)
  const mixed = Array.from({ length: 6 }, () => {
    const order = entries.map((entry) => ({ entry, at: random() })).toSorted((a, b) => a.at - b.at)
    const batches: Array<Array<Entry>> = [[]]
    for (const { entry } of order) {
      if (random() < 0.5) batches.push([])
      batches.at(-1)?.push(entry)
    }
    return batches.filter((batch) => batch.length > 0)
  })
  return [[backwards], entries.map((entry) => [entry]), backwards.map((entry) => [entry]), ...mixed]
}

/** The same numbers from 0 to 1 for each seed, so that a failure is repeatable. */
const numbers = (seed: number) => {
  let state = seed * 2_654_435_761 % 4_294_967_296
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296
    return state / 4_294_967_296
  }
}

let database: Promise<PGlite> | undefined
let users = 0
let closing: ReturnType<typeof setTimeout> | undefined

/**
 * Lends the database of this process. It is closed a second after its last use, because an open one keeps the process
 * alive: Postgres sets timers.
 */
const withDatabase = async <A>(use: (db: PGlite) => Promise<A>): Promise<A> => {
  clearTimeout(closing)
  users++
  try {
    return await use(await (database ??= openInMemory()))
  } finally {
    if (--users === 0) closing = setTimeout(close, 1_000).unref()
  }
}

const close = () => {
  void database?.then((db) => db.close(), () => undefined)
  database = undefined
}

/** Applies batches to an empty table, and returns its rows. Nothing is kept. */
const runner = (db: PGlite, definition: Definition) => {
  const table = `${definition.name}_0`
  const statements = statementsOf(definition).map((statement) =>
    partsOf(statement).map((part) => part === marks.table ? table : part === marks.events ? source : part)
      .join("")
  )
  return async (batches: ReadonlyArray<ReadonlyArray<Entry>>): Promise<ReadonlyArray<ExpectedRow>> => {
    let rows: ReadonlyArray<{ readonly row: ExpectedRow }> = []
    await db.transaction(async (transaction) => {
      await transaction.exec(`set local time zone 'UTC'; create table ${table} (${tableColumns(definition)})`)
      for (const batch of batches) {
        const values = [
          batch.map(({ id }) => id),
          batch.map(({ sequence }) => sequence),
          batch.map(({ sequence }) => new Date(Date.UTC(2026, 0, 1) + sequence * 1_000).toISOString()),
          batch.map(({ json }) => json)
        ]
        for (const statement of statements) await transaction.query(statement, values)
      }
      const found = await transaction.query<{ readonly row: ExpectedRow }>(
        `select to_jsonb(_row) as row from ${table} as _row order by ${definition.key.join(", ")}`
      )
      rows = found.rows
      await transaction.rollback()
    })
    return rows.map(({ row }) => row)
  }
}

const source = eventsSource(`(
  select event_id, sequence, received_at::timestamptz, event::jsonb
  from unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) as row (event_id, sequence, received_at, event) offset 0)`)
