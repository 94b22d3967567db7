import { Console, Effect } from "effect"
import { CliOutput, TerminalCapabilities } from "effect/cli"
import { stripVTControlCharacters } from "node:util"

/** Paints text for people, and leaves it as it is where colours are not wanted. */
export interface Paint {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
  readonly red: (text: string) => string
}

/** How to paint here: not at all beside a terminal or with NO_COLOR. */
export const paint: Effect.Effect<Paint> = Effect.map(
  TerminalCapabilities.TerminalCapabilities,
  ({ canColor }) => {
    const style = (code: number) => (text: string) => canColor ? `\u001b[${code}m${text}\u001b[0m` : text
    return { bold: style(1), dim: style(2), green: style(32), yellow: style(33), red: style(31) }
  }
)

/** The width of the terminal; unbounded where there is none. */
export const width = () => process.stdout.columns ?? Infinity

export interface Column {
  readonly title: string
  /** Numbers stand to the right. */
  readonly right?: boolean | undefined
}

/** Rows under a heading, each column as wide as its widest cell; cut at the edge of the terminal. */
export const table = Effect.fnUntraced(function*(
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<string>>
) {
  const { dim } = yield* paint
  const widths = columns.map(({ title }, at) =>
    rows.reduce((widest, row) => Math.max(widest, widthOf(row[at] ?? "")), title.length)
  )
  yield* Console.log(dim(lineOf(columns, widths, columns.map(({ title }) => title))))
  for (const row of rows) yield* Console.log(lineOf(columns, widths, row))
})

/** One line of a table with these widths. */
export const lineOf = (
  columns: ReadonlyArray<Column>,
  widths: ReadonlyArray<number>,
  cells: ReadonlyArray<string>
) =>
  fit(
    cells.map((cell, at) => {
      const padding = " ".repeat(Math.max(0, (widths[at] ?? 0) - widthOf(cell)))
      return columns[at]?.right ? padding + cell : cell + padding
    }).join("  ").trimEnd()
  )

/** One line, cut at the edge of the terminal; a line that is cut loses its colours. */
export const fit = (line: string, columns = width()) =>
  widthOf(line) <= columns ? line : `${stripVTControlCharacters(line).slice(0, columns - 1)}…`

/** One object a line, for programs. */
export const printJson = (value: unknown) => Console.info(JSON.stringify(value))

const widthOf = CliOutput.displayWidth
