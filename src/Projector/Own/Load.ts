import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { messageOf } from "../../Process/Failure.ts"
import { mayRead } from "../../Process/MayRead.ts"
import { type Origin, type Projection } from "../Projection.ts"
import { projections } from "../Projections.ts"
import { faultsOf, isDefinition } from "./Check.ts"
import { compile } from "./Compile.ts"
import { marks, statementsOf } from "./Statements.ts"
import { DefinitionRefused } from "./Trial.ts"

/**
 * The read models that a file exports, as projections. Each exported object is a definition, or a list of them.
 * Fails with every fault and its line.
 */
export const load = Effect.fn("Own.load")(function*(path: string) {
  const file = resolve(path)
  const refuse = (message: string) => new DefinitionRefused({ message })
  if (!mayRead(file)) {
    return yield* refuse(
      `PROJECTIONS names ${path}, which the runtime may not read. Start Node with --allow-fs-read=${
        dirname(file)
      }, or `
        + `Deno with --allow-read=${dirname(file)}.`
    )
  }
  const source = yield* Effect.try({
    try: () => readFileSync(file, "utf8"),
    catch: (error) => refuse(`PROJECTIONS names ${path}, which cannot be read: ${messageOf(error)}.`)
  })
  const loaded: Readonly<Record<string, unknown>> = yield* Effect.tryPromise({
    try: () => import(pathToFileURL(file).href),
    catch: (error) =>
      refuse(`PROJECTIONS names ${path}, which cannot be loaded: ${explained(error, file, path)}`)
  })
  const given = Object.values(loaded).flat().filter((one) => typeof one === "object" && one !== null)
  const definitions = [...new Set<unknown>(given)]
  if (definitions.length === 0) {
    return yield* refuse(
      `${path} exports no read model. Export what \`projection({ … })\` returns, or a list of that.`
    )
  }
  return yield* compiled(definitions, originsIn(path, source))
})

/** The projections of definitions. Fails with every fault and its place. */
export const compiled = Effect.fn("Own.compiled")(function*(
  definitions: ReadonlyArray<unknown>,
  originAt: (definition: unknown, at: number) => Origin
) {
  const refuse = (faults: ReadonlyArray<string>) => new DefinitionRefused({ message: faults.join("\n") })
  const given = definitions.map((one, at) => ({ one, origin: originAt(one, at) }))
  const faults = given.flatMap(({ one, origin }) => faultsOf(one).map((fault) => `${origin.place}: ${fault}`))
  if (faults.length > 0) return yield* refuse(faults)
  const own = given.flatMap(({ one, origin }) => isDefinition(one) ? [{ one, origin }] : [])
  const wrong = own.flatMap(({ one, origin }) => sqlFaults(one, origin.place))
  if (wrong.length > 0) return yield* refuse(wrong)
  const projections = own.map(({ one, origin }) => compile(one, origin))
  const clashing = clashes(projections)
  return clashing.length > 0 ? yield* refuse(clashing) : projections
})

/** Faults of what `apply` returns. */
const sqlFaults = (definition: Parameters<typeof statementsOf>[0], place: string): ReadonlyArray<string> => {
  try {
    const first = statementsOf(definition)
    const isText = Array.isArray(first) && first.length > 0
      && first.every((statement) => typeof statement === "string" && statement.trim() !== "")
    if (!isText) return [`${place}: apply returns no SQL; allowed is a text, or a list of texts.`]
    if (JSON.stringify(first) !== JSON.stringify(statementsOf(definition))) {
      return [`${place}: apply returns another SQL each time; allowed is SQL that depends on nothing else.`]
    }
    const lacking = Object.values(marks).filter((mark) =>
      !first.some((statement) => statement.includes(mark))
    )
    return lacking.map((mark) =>
      `${place}: apply does not use ${mark.slice(1, -1)}, so no event could change a row.`
    )
  } catch (error) {
    return [`${place}: apply fails: ${messageOf(error)}`]
  }
}

/** Names that are used twice, or by a built-in read model. */
const clashes = (own: ReadonlyArray<Projection>): ReadonlyArray<string> => {
  const taken = new Map(
    projections.flatMap(({ name, tables, views = {} }) =>
      [name, ...Object.keys(tables), ...Object.keys(views)].map((
        table
      ) => [table, `the built-in read model ${name}`])
    )
  )
  return own.flatMap(({ name, own }) => {
    const by = taken.get(name)
    taken.set(name, own?.origin.place ?? "")
    return by === undefined
      ? []
      : [`${own?.origin.place}: the name ${name} is used by ${by}; choose another name.`]
  })
}

/** Finds the line of a definition by its name, because a value does not know where it was made. */
const originsIn = (path: string, source: string) => {
  const lines = source.split("\n")
  const placeOf = (isThere: (line: string) => boolean) => {
    const at = lines.findIndex(isThere)
    return at < 0 ? undefined : `${path}:${at + 1}`
  }
  return (definition: unknown): Origin => {
    const name = String(Object(definition).name)
    const isDefined = (line: string) =>
      Array.from(line.matchAll(/\bname["']?\s*:\s*["'`]([^"'`]*)["'`]/g), ([, given]) => given).includes(name)
    return {
      place: placeOf(isDefined) ?? path,
      placeOf: (sql) => {
        const expression = /^\((.*)\)::.* as \w+,?$/.exec(sql)?.[1] ?? sql
        return placeOf((line) => line.includes(expression))
      }
    }
  }
}

/** The message of an error, and the line of the file where it happened. */
const explained = (error: unknown, file: string, path: string) => {
  const message = messageOf(error)
  const stack = error instanceof Error ? error.stack ?? "" : ""
  const line = [pathToFileURL(file).href, file].map((name) => stack.split(`${name}:`)[1]?.match(/^\d+/)?.[0])
    .find((line) => line !== undefined)
  return line === undefined ? message : `${message} (${path}:${line})`
}
