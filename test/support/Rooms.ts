import { globSync, readFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"
import { fileURLToPath } from "node:url"

const checkout = fileURLToPath(new URL("../..", import.meta.url))

/** A folder of `src`: what it holds, and which other rooms its files may import. */
export interface Room {
  readonly name: string
  readonly holds: string
  readonly uses: ReadonlyArray<string>
}

/** Every room, in the order of the data: a room uses only rooms above it. A room within a room has a row of its own. */
export const rooms: ReadonlyArray<Room> = [
  { name: "Domain", holds: "schemas, decoding, facts about 3QPR", uses: [] },
  {
    name: "Process",
    holds: "what every process has: settings, failures, metrics, traces, health, locks, lifetime",
    uses: ["Domain"]
  },
  {
    name: "Signature",
    holds: "sign, verify, explain a mismatch, rotate secrets",
    uses: ["Domain", "Process"]
  },
  { name: "Nats", holds: "the connection, and the embedded broker", uses: ["Process"] },
  { name: "Database", holds: "clients, embedded Postgres, migrations", uses: ["Process"] },
  {
    name: "EventLog",
    holds: "the port, its adapters, streams and headers, dead letters, quarantine, the record of operations",
    uses: ["Domain", "Process", "Nats"]
  },
  {
    name: "Ingress",
    holds: "`accept`: bytes and a signature become a receipt or a rejection; the public listener",
    uses: ["Domain", "Process", "Signature", "Nats", "EventLog"]
  },
  {
    name: "Consumer",
    holds: "durable consumers, the public `subscribe`, ordered groups",
    uses: ["Domain", "Process", "Nats", "EventLog"]
  },
  {
    name: "Projector",
    holds: "batches (`Apply`), rebuilds (`Rebuild`), place in the log (`Place`), read models (`Projections`)",
    uses: ["Domain", "Process", "Nats", "Database", "EventLog", "Consumer"]
  },
  { name: "Admin/Api", holds: "the contract of the private listener", uses: ["Domain"] },
  { name: "Admin/Client", holds: "the client of the contract", uses: ["Process", "Admin/Api"] },
  {
    name: "Provider",
    holds: "the client of 3QPR's API, and a 3QPR for tests",
    uses: ["Domain", "Process", "Signature", "Admin/Api", "Admin/Client"]
  },
  {
    name: "Jobs",
    holds: "what operators start: redrive, discard, release, erase, reconcile",
    uses: ["Domain", "Process", "Nats", "EventLog", "Ingress", "Consumer", "Projector", "Provider"]
  },
  {
    name: "Admin",
    holds: "the answers of the private listener by resource, access, metrics of the whole",
    uses: [
      "Domain",
      "Process",
      "Nats",
      "Database",
      "EventLog",
      "Ingress",
      "Consumer",
      "Projector",
      "Jobs",
      "Admin/Api"
    ]
  },
  { name: "Dashboard", holds: "the page, a client of the contract", uses: ["Domain", "Admin/Api"] },
  {
    name: "Cli/Serve",
    holds: "the wiring of `serve`",
    uses: [
      "Domain",
      "Process",
      "Signature",
      "Nats",
      "Database",
      "EventLog",
      "Ingress",
      "Consumer",
      "Projector",
      "Admin"
    ]
  },
  {
    name: "Cli/Examine",
    holds: "the checks of `doctor`",
    uses: ["Domain", "Process", "Signature", "Nats", "Database", "EventLog", "Consumer"]
  },
  {
    name: "Cli",
    holds: "the commands, clients of the contract",
    uses: [
      "Domain",
      "Process",
      "Signature",
      "Provider",
      "Admin/Api",
      "Admin/Client",
      "Cli/Serve",
      "Cli/Examine"
    ]
  }
]

/** The files beside the rooms: the program, and what the package exports. */
export const entryPoints = ["index.ts", "main.ts"]

/** An import of one file of `src` by another; types count too. Paths are from `src`. */
export interface Import {
  readonly from: string
  readonly to: string
}

/** The files of `src`, as paths from there. */
export const files: ReadonlyArray<string> = globSync("**/*", {
  cwd: join(checkout, "src"),
  withFileTypes: true
})
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(join(checkout, "src/").length))
  .toSorted()

const specifier =
  /\bfrom\s*"(\.[^"]+)"|^\s*import\s*"(\.[^"]+)"|\bimport\(\s*"(\.[^"]+)"|\bnew URL\(\s*[`"](\.[^`"$]+)[`"]/gm

/** Every import between files of `src`: of values and of types, static and dynamic, and those in comments of JavaScript. */
export const imports = (): ReadonlyArray<Import> => {
  const known = new Set(files)
  return files.filter((file) => /\.(ts|js)$/.test(file)).flatMap((from) =>
    [...readFileSync(join(checkout, "src", from), "utf8").matchAll(specifier)]
      .map((found) => normalize(join(dirname(from), found.slice(1).find((path) => path !== undefined) ?? "")))
      .filter((to) => known.has(to))
      .map((to) => ({ from, to }))
  )
}

/** The room of a file; undefined beside the rooms. The innermost one counts. */
export const roomOf = (file: string): Room | undefined =>
  rooms.filter(({ name }) =>
    file.startsWith(`${name}/`) || name.includes("/") && file === `${name}.ts` && isWhole(name)
  )
    .toSorted((one, other) => other.name.length - one.name.length)[0]

/** Whether the file beside a room within a room belongs to it. The commands beside `Cli/Serve` do not. */
const isWhole = (name: string) => name.startsWith("Admin/")

/** The imports that the table does not allow. */
export const wrongOf = (imports: ReadonlyArray<Import>): ReadonlyArray<string> =>
  imports.flatMap(({ from, to }) => {
    const [one, other] = [roomOf(from), roomOf(to)]
    // The entry points may use every room, and no room uses them.
    const allowed = one === undefined || one === other ||
      (other !== undefined && one.uses.includes(other.name))
    return allowed
      ? []
      : [`${from} imports ${to}: ${one.name} may not use ${other?.name ?? "an entry point"}`]
  })

/** The groups of files that import each other in a circle. */
export const circlesOf = (imports: ReadonlyArray<Import>): ReadonlyArray<ReadonlyArray<string>> => {
  const left = new Map<string, Set<string>>()
  for (const { from, to } of imports) {
    left.set(from, (left.get(from) ?? new Set()).add(to))
    if (!left.has(to)) left.set(to, new Set())
  }
  const remove = (isDone: (file: string) => boolean) => {
    for (let before = -1; before !== left.size;) {
      before = left.size
      for (const file of left.keys()) if (isDone(file)) left.delete(file)
    }
  }
  // A file that imports none of the rest is on no circle, and neither is one that none of the rest imports.
  remove((file) => ![...left.get(file) ?? []].some((to) => left.has(to)))
  remove((file) => ![...left.values()].some((targets) => targets.has(file)))
  return left.size === 0 ? [] : [[...left.keys()].toSorted()]
}

const statement = /^(?:import|export)(?! type\b)[^"';]*?\bfrom "([^"]+)"|^import "([^"]+)"/gm

/** What a file of `src` loads when it is imported: files, and packages by the names that sources give them. */
export const loadedBy = (entry: string): ReadonlySet<string> => {
  const loaded = new Set([entry])
  // A set that grows while it is walked: the imports of what is found are found too.
  for (const file of loaded) {
    if (!file.endsWith(".ts")) continue
    for (const found of readFileSync(join(checkout, "src", file), "utf8").matchAll(statement)) {
      const name = found[1] ?? found[2] ?? ""
      loaded.add(name.startsWith(".") ? normalize(join(dirname(file), name)) : name)
    }
  }
  return loaded
}
