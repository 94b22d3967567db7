import { Console, Effect, Predicate } from "effect"
import type { HttpClientResponse } from "effect/http"
import { explained } from "../../Admin/Client.ts"
import { parseExact } from "../../Domain/ExactJson.ts"
import { printableIn } from "../../Process/Printable.ts"
import { type Column, paint, printJson, table } from "../Output.ts"

interface Page {
  readonly total: number
  readonly next_cursor: string | null
}

/** Prints a page of rows as a table, with the total number of rows and the command for the next page. */
export const showPage = Effect.fnUntraced(function*<Row>(
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<Row>,
  cells: (row: Row) => ReadonlyArray<string>,
  { next_cursor, total }: Page
) {
  if (rows.length === 0) return yield* Console.error("No row matches.")
  const { dim } = yield* paint
  yield* table(columns, printableIn(rows).map(cells))
  const next = next_cursor === null ? "" : ` Older ones: --cursor ${next_cursor}`
  yield* Console.error(dim(`${rows.length} of ${total}.${next}`))
})

/**
 * Prints the rows of a page as JSON, one a line, with all digits of their numbers. The typed client would round the
 * numbers, so it only decodes an error response.
 */
export const showJson = Effect.fnUntraced(function*<E, F>(
  name: string,
  raw: Effect.Effect<HttpClientResponse.HttpClientResponse, E>,
  decoded: Effect.Effect<unknown, F>
) {
  const response = yield* Effect.mapError(raw, explained)
  if (response.status !== 200) return yield* Effect.asVoid(Effect.mapError(decoded, explained))
  const page = parseExact(yield* Effect.mapError(response.text, explained))
  const rows = Predicate.hasProperty(page, name) && Array.isArray(page[name]) ? page[name] : []
  yield* Effect.forEach(rows, printJson, { discard: true })
})
