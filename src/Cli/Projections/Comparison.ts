import { Console, Effect } from "effect"
import type { RebuildAnswer } from "../../Admin/Api/Projections.ts"
import { CommandFailed } from "../CommandFailed.ts"
import { paint, table } from "../Output.ts"
import { number } from "./WatchProjections.ts"

/** Whether the live read model matches the log. */
export const isEqual = ({ result }: RebuildAnswer) =>
  Object.values(result?.tables ?? {}).every(({ equal }) => equal)

/**
 * Prints the number of rows of each table, in the live read model and in the rebuilt one, then the rows that differ.
 */
export const showComparisons = Effect.fnUntraced(function*(compared: ReadonlyArray<RebuildAnswer>) {
  const { green, red } = yield* paint
  const tables = compared.flatMap(({ result }) => Object.entries(result?.tables ?? {}))
  yield* table(
    tableColumns,
    tables.map(([name, { different, equal, only_live, only_rebuilt, rows }]) => [
      name,
      equal ? green("equal") : red("differs"),
      number(rows.live),
      number(rows.rebuilt),
      number(only_live),
      number(only_rebuilt),
      number(different)
    ])
  )
  const examples = tables.flatMap(([name, { examples, other_columns }]) => [
    ...other_columns.map((column) => [name, "other column", "", column, "", ""]),
    ...examples.flatMap(({ columns, key, kind }) => {
      const row = [name, kinds[kind], Object.values(key).map((value) => value ?? "null").join(" ")]
      const cells = Object.entries(columns)
      return cells.length === 0
        ? [[...row, "", "", ""]]
        : cells.map(([column, { live, rebuilt }]) => [...row, column, live ?? "null", rebuilt ?? "null"])
    })
  ])
  if (examples.length === 0) return
  yield* Console.log("")
  yield* table(exampleColumns, examples)
})

/** Fails when one of the rebuilds found a difference. */
export const failOnDifference = (compared: ReadonlyArray<RebuildAnswer>) => {
  const different = compared.filter((rebuild) => !isEqual(rebuild)).map(({ projection }) => projection)
  return different.length === 0 ? Effect.void : Effect.fail(
    new CommandFailed({
      message: `${different.join(", ")} ${different.length === 1 ? "does" : "do"} not match the log. `
        + "Run `threeqpr projections rebuild <name>`."
    })
  )
}

const kinds = { only_live: "only live", only_rebuilt: "only new", different: "differs" } as const

const tableColumns = [
  { title: "TABLE" },
  { title: "" },
  { title: "LIVE", right: true },
  { title: "NEW", right: true },
  { title: "ONLY LIVE", right: true },
  { title: "ONLY NEW", right: true },
  { title: "DIFFER", right: true }
]

const exampleColumns = [
  { title: "TABLE" },
  { title: "ROW" },
  { title: "KEY" },
  { title: "COLUMN" },
  { title: "LIVE" },
  { title: "NEW" }
]
