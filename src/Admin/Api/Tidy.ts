import { Predicate } from "effect"

export type Json = Readonly<Record<string, unknown>>

export const mapValues = <A extends object, B>(record: A, f: (value: A[keyof A], name: string) => B) =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]))

/** The name of a schema in the document. Effect adds `Encoded` to the name of a class. */
export const nameOf = (name: string) => name.replace(/Encoded$/, "")

/**
 * Simplifies a part of the document. Effect puts the description of a field into an `allOf` beside its schema. It
 * also adds `x-effect-stream`, which only Effect's own clients can use.
 */
export const tidy = (part: Json): Json => {
  const { "x-effect-stream": _, ...node } = part
  return withoutAllOf(
    mapValues(node, (value, name) => name === "$ref" ? nameOf(String(value)) : tidyValue(value))
  )
}

const tidyValue = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(tidyValue) : Predicate.isObject(value) ? tidy(value) : value

const withoutAllOf = (node: Json): Json => {
  const { allOf, ...rest } = node
  if (!Array.isArray(allOf)) return node
  const parts: ReadonlyArray<Json> = allOf
  const notes = Object.assign({}, ...parts.filter(isNote))
  const schemas = parts.filter((part) => !isNote(part))
  const [only] = schemas
  if (only === undefined) return { ...rest, ...notes }
  return schemas.length === 1 && Object.keys(rest).length === 0
    ? { ...only, ...notes }
    : { ...rest, allOf: schemas, ...notes }
}

const annotations = new Set(["title", "description", "default", "examples"])

/** Whether a part holds only annotations, or only permits further fields. */
const isNote = (part: Json) =>
  Object.keys(part).every((key) => annotations.has(key)) || JSON.stringify(part) === further

const further = JSON.stringify({ type: "object", additionalProperties: {} })
