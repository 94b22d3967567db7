import { globSync, readFileSync } from "node:fs"
import { basename, dirname, join, normalize } from "node:path"
import { fileURLToPath } from "node:url"

const checkout = fileURLToPath(new URL("../..", import.meta.url))

/** A folder of `src`, and which other rooms its files may import. */
export interface Room {
  readonly name: string
  readonly uses: ReadonlyArray<string>
  /** The entry file, whose comment describes the room, when it does not have the room's name. A path from `src`. */
  readonly entry?: string
}

/**
 * All rooms, in the order of the data flow: a room uses only rooms above it. A room within a room has its own row.
 */
export const rooms: ReadonlyArray<Room> = [
  { name: "Domain", entry: "Domain/Event.ts", uses: [] },
  {
    name: "Process",
    entry: "Process/Config.ts",
    uses: ["Domain"]
  },
  {
    name: "Signature",
    uses: ["Domain", "Process"]
  },
  { name: "Nats", uses: ["Process"] },
  { name: "Database", uses: ["Process"] },
  {
    name: "EventLog",
    uses: ["Domain", "Process", "Nats"]
  },
  {
    name: "Ingress",
    uses: ["Domain", "Process", "Signature", "Nats", "EventLog"]
  },
  {
    name: "Consumer",
    uses: ["Domain", "Process", "Nats", "EventLog"]
  },
  {
    name: "Projector",
    uses: ["Domain", "Process", "Nats", "Database", "EventLog", "Consumer"]
  },
  { name: "Admin/Api", entry: "Admin/Api.ts", uses: ["Domain"] },
  { name: "Admin/Client", entry: "Admin/Client.ts", uses: ["Process", "Admin/Api"] },
  {
    name: "Provider",
    entry: "Provider/Simulator.ts",
    uses: ["Domain", "Process", "Signature", "Admin/Api", "Admin/Client"]
  },
  {
    name: "Jobs",
    uses: [
      "Domain",
      "Process",
      "Nats",
      "Database",
      "EventLog",
      "Ingress",
      "Consumer",
      "Projector",
      "Provider"
    ]
  },
  {
    name: "Admin",
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
  { name: "Dashboard", entry: "Dashboard/main.js", uses: ["Domain", "Admin/Api"] },
  {
    name: "Cli/Serve",
    entry: "Cli/Serve/App.ts",
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
    uses: ["Domain", "Process", "Signature", "Nats", "Database", "EventLog", "Consumer"]
  },
  {
    name: "Cli",
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

/** The entry file of a room, as a path from `src`. */
export const entryOf = ({ entry, name }: Room): string => entry ?? `${name}/${basename(name)}.ts`

/** The parts of the comment at the top of a room's entry file; empty where a part is missing. */
export const aboutOf = (room: Room) => {
  const text = readFileSync(join(checkout, "src", entryOf(room)), "utf8")
  const comment = /^\/\*\*\n([^]*?)\n \*\//.exec(text)?.[1]?.replaceAll(/^ \* ?/gm, "") ?? ""
  const [first = "", second = "", third = ""] = comment.split("\n\n").map((part) =>
    part.replaceAll("\n", " ")
  )
  const after = (start: string, part: string) => part.startsWith(start) ? part.slice(start.length) : ""
  return {
    holds: after(`Room \`${room.name}\`: `, first),
    promises: after("Promises: ", second),
    uses: after("May use: ", third)
  }
}

const { exports }: { readonly exports: Readonly<Record<string, unknown>> } = JSON.parse(
  readFileSync(join(checkout, "package.json"), "utf8")
)

/** The entry points that the package exports beside the main one, such as `signature`. */
export const partEntries: ReadonlyArray<string> = Object.keys(exports).flatMap((path) =>
  /^\.\/(\w+)$/.exec(path)?.[1] ?? []
)

/** The files outside of rooms: the program, and what the package exports. */
export const entryPoints = ["index.ts", "main.ts", ...partEntries.map((name) => `${name}.ts`)]

/** An import of one file of `src` by another, including imports of types. Paths are from `src`. */
export interface Import {
  readonly from: string
  readonly to: string
}

/** The files of `src`, as paths from `src`. */
export const files: ReadonlyArray<string> = globSync("**/*", {
  cwd: join(checkout, "src"),
  withFileTypes: true
})
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(join(checkout, "src/").length))
  .toSorted()

const specifier =
  /\bfrom\s*"(\.[^"]+)"|^\s*import\s*"(\.[^"]+)"|\bimport\(\s*"(\.[^"]+)"|\bnew URL\(\s*[`"](\.[^`"$]+)[`"]/gm

/**
 * Every import between files of `src`: of values and types, static and dynamic, and in comments of JavaScript files.
 */
export const imports = (): ReadonlyArray<Import> => {
  const known = new Set(files)
  return files.filter((file) => /\.(ts|js)$/.test(file)).flatMap((from) =>
    [...readFileSync(join(checkout, "src", from), "utf8").matchAll(specifier)]
      .map((found) => normalize(join(dirname(from), found.slice(1).find((path) => path !== undefined) ?? "")))
      .filter((to) => known.has(to))
      .map((to) => ({ from, to }))
  )
}

/** The innermost room of a file; undefined for a file outside of rooms. */
export const roomOf = (file: string): Room | undefined =>
  rooms.filter(({ name }) =>
    file.startsWith(`${name}/`) || name.includes("/") && file === `${name}.ts` && isWhole(name)
  )
    .toSorted((one, other) => other.name.length - one.name.length)[0]

/** Whether the file beside a nested room belongs to that room. The commands beside `Cli/Serve` do not. */
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

/** Files that import each other in a circle, and the files on the way between two circles. */
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
  // A file without imports from the rest is on no circle, and neither is one that the rest does not import.
  remove((file) => ![...left.get(file) ?? []].some((to) => left.has(to)))
  remove((file) => ![...left.values()].some((targets) => targets.has(file)))
  return left.size === 0 ? [] : [[...left.keys()].toSorted()]
}

const statement = /^(?:import|export)(?! type\b)[^"';]*?\bfrom "([^"]+)"|^import "([^"]+)"/gm

/** Everything that a file of `src` loads when it is imported: files, and packages by their names in the sources. */
export const loadedBy = (entry: string): ReadonlySet<string> => {
  const loaded = new Set([entry])
  // The set grows during the loop, so that imports of imports are found too.
  for (const file of loaded) {
    if (!file.endsWith(".ts")) continue
    for (const found of readFileSync(join(checkout, "src", file), "utf8").matchAll(statement)) {
      const name = found[1] ?? found[2] ?? ""
      loaded.add(name.startsWith(".") ? normalize(join(dirname(file), name)) : name)
    }
  }
  return loaded
}
