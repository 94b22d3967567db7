import { Predicate } from "effect"

/** The line of a statement at which Postgres found an error; undefined when the error has no position. */
export const lineIn = (statement: string, error: unknown): string | undefined => {
  const position = positionOf(error)
  if (position === undefined) return undefined
  const before = statement.slice(0, position - 1).split("\n").length - 1
  return statement.split("\n")[before]?.trim()
}

/** The position of an error in its statement, as Postgres reports it: 1 is the first character. */
const positionOf = (error: unknown): number | undefined => {
  if (Predicate.hasProperty(error, "position") && /^\d+$/.test(String(error.position))) {
    return Number(error.position)
  }
  if (Predicate.hasProperty(error, "reason")) return positionOf(error.reason)
  return Predicate.hasProperty(error, "cause") ? positionOf(error.cause) : undefined
}
