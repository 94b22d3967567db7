import { Effect, Equal, Option, Predicate } from "effect"
import { NotFound } from "../../../Admin/Api/Problems.ts"
import type { Entry } from "../Ledger.ts"

/** How a read model differs from the accepted events: the ids of its rows. */
export interface RowDifferences {
  /** Number of rows that were checked. */
  readonly checked: number
  readonly missing: ReadonlyArray<string>
  readonly twice: ReadonlyArray<string>
  readonly differing: ReadonlyArray<{ readonly id: string; readonly fields: ReadonlyArray<string> }>
}

type Row = Readonly<Record<string, unknown>>

/** How to read one read model: a page of it, newest first, and one row. */
export interface Model<E, F> {
  /** The field with the time that selects the rows of a page. */
  readonly time: string
  readonly page: (
    query: {
      readonly since: string
      readonly until: string
      readonly limit: number
      readonly offset: number
    }
  ) => Effect.Effect<{ readonly rows: ReadonlyArray<Row>; readonly total: number }, E>
  readonly get: (id: string) => Effect.Effect<Row, F>
}

/**
 * Compares the rows of the run's events. Reads all rows of their period first, and then each missing row by its id.
 */
export const compareRows = Effect.fnUntraced(function*<E, F>(
  entries: ReadonlyArray<Entry>,
  dataOf: (entry: Entry) => Effect.Effect<object>,
  model: Model<E, F>
) {
  const sent = new Map<string, Row>()
  for (const entry of entries) {
    const data = yield* dataOf(entry)
    if ("id" in data && Predicate.isString(data.id)) sent.set(data.id, { ...data })
  }
  if (sent.size === 0) return { checked: 0, missing: [], twice: [], differing: [] } satisfies RowDifferences
  const { rows, twice } = yield* rowsOf(sent, model)
  const missing: Array<string> = []
  const absent = [...sent.keys()].filter((id) => !rows.has(id))
  yield* Effect.forEach(
    absent,
    Effect.fnUntraced(function*(id) {
      const found = yield* model.get(id).pipe(
        Effect.map(Option.some),
        Effect.catchIf((error) => error instanceof NotFound, () => Effect.succeedNone)
      )
      if (Option.isSome(found)) rows.set(id, found.value)
      else missing.push(id)
    }),
    { concurrency: 8, discard: true }
  )
  const differing = [...sent].flatMap(([id, data]) => {
    const row = rows.get(id)
    const fields = row === undefined
      ? []
      : Object.keys(data).filter((field) => !Equal.equals(data[field], row[field]))
    return fields.length > 0 ? [{ id, fields }] : []
  })
  return { checked: sent.size, missing, twice, differing } satisfies RowDifferences
})

const pageSize = 200

const rowsOf = Effect.fnUntraced(
  function*<E, F>(sent: ReadonlyMap<string, Row>, { page, time }: Model<E, F>) {
    const times = [...sent.values()].map((data) => Date.parse(String(data[time])))
    const bound = (start: number, of: (a: number, b: number) => number, shift: number) =>
      new Date(times.reduce((a, b) => of(a, b), start) + shift).toISOString()
    const window = { since: bound(Infinity, Math.min, 0), until: bound(-Infinity, Math.max, 1) }
    const rows = new Map<string, Row>()
    const twice = new Set<string>()
    const totals = new Set<number>()
    let left = true
    for (let offset = 0; left; offset += pageSize) {
      const answer = yield* page({ ...window, limit: pageSize, offset })
      totals.add(answer.total)
      for (const row of answer.rows) {
        const id = String(row["id"])
        if (sent.has(id) && rows.has(id)) twice.add(id)
        if (sent.has(id)) rows.set(id, row)
      }
      left = answer.rows.length > 0 && offset + pageSize < answer.total
    }
    // While other rows are inserted, paging itself can return a row twice.
    return { rows, twice: totals.size === 1 ? [...twice] : [] }
  }
)
