import { globSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { code, table } from "./Markdown.ts"

const source = fileURLToPath(new URL("../../src", import.meta.url))

const declaration =
  /(counter|gauge|histogram)\(\s*"(threeqpr_\w+)",\s*(?:\{\s*description:\s*)?"((?:[^"\\]|\\.)*)"/g

/** The metrics of `Admin` that every process computes. The other ones require the role admin. */
const everywhere = new Set(["threeqpr_build_info", "threeqpr_ready", "threeqpr_state_readable"])

/** A table of every metric that the sources declare. */
export const metrics = () => {
  const found = globSync(["Process/Metrics.ts", "Admin/Metrics.ts", "**/*.ts"], { cwd: source })
  const rows = [...new Set(found)].flatMap((file) => {
    const text = readFileSync(`${source}/${file}`, "utf8")
    const declared = [...text.matchAll(declaration)].map(([, kind = "", name = "", help = ""]) => ({
      kind,
      name,
      help
    }))
    // Other files name roles and channels of Postgres in this way.
    if (!/\bMetric\b/.test(text)) return []
    const named = new Set([...text.matchAll(/"(threeqpr_\w+)"/g)].map(([, name]) => name))
    for (const { name } of declared) named.delete(name)
    if (named.size > 0) throw new Error(`${file} has metrics without a help text: ${[...named].join(", ")}`)
    return declared.map(({ help, kind, name }) => {
      const role = file.startsWith("Admin/") && !everywhere.has(name) ? "admin" : "every"
      return { name, row: [code(name), kind, role, help] }
    })
  })
  const sorted = rows.toSorted((one, other) => one.name < other.name ? -1 : 1)
  return table(["metric", "kind", "role", "meaning"], sorted.map(({ row }) => row))
}
