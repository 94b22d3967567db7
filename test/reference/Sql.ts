import { sqlViews } from "../../src/Projector/Projections/SqlViews.ts"
import { code, table } from "./Markdown.ts"

/** Every view that users may query with SQL, with its columns. */
export const viewsPart = () =>
  Object.entries(sqlViews).map(([name, { about, columns }]) => {
    const rows = Object.entries(columns).map(([column, [type, meaning]]) => [code(column), type, meaning])
    return `### ${code(name)}\n\n${about}\n\n${table(["column", "type", "meaning"], rows)}`
  }).join("\n\n")
