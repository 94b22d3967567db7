import { Console, Effect } from "effect"
import { CliOutput, TerminalCapabilities } from "effect/cli"
import { stripVTControlCharacters } from "node:util"

/** Adds colours to text for people; returns the text unchanged when colours are off. */
export interface Paint {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
  readonly red: (text: string) => string
}

/** The functions for this process. Without a terminal, and with NO_COLOR, they add no colours. */
export const paint: Effect.Effect<Paint> = Effect.map(
  TerminalCapabilities.TerminalCapabilities,
  ({ canColor }) => {
    const style = (code: number) => (text: string) => canColor ? `\u001b[${code}m${text}\u001b[0m` : text
    return { bold: style(1), dim: style(2), green: style(32), yellow: style(33), red: style(31) }
  }
)

/** The width of the terminal; Infinity without a terminal. */
export const width = () => process.stdout.columns ?? Infinity

export interface Column {
  readonly title: string
  /** Aligns the column to the right, for numbers. */
  readonly right?: boolean | undefined
}

/**
 * Prints rows under a heading. Each column is as wide as its widest cell, and lines are cut to the terminal's width.
 */
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

/** One line of a table with columns of these widths. */
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

/** Cuts a line to the terminal's width; a line that is cut loses its colours. */
export const fit = (line: string, columns = width()) =>
  widthOf(line) <= columns ? line : `${stripVTControlCharacters(line).slice(0, columns - 1)}…`

/** Prints one JSON object on a line, for programs. */
export const printJson = (value: unknown) => Console.info(JSON.stringify(value))

const widthOf = CliOutput.displayWidth
