import { Result } from "effect"
import { isExactNumber, parseExact } from "../../Domain/ExactJson.ts"

/** A value to set in an event: its path from the event's root, and the new value. */
export interface Override {
  readonly path: ReadonlyArray<string>
  readonly value: unknown
}

/** Parses `path=value`. The path is dotted. The value is JSON if it parses as JSON, else text. */
export const parse = (text: string): Override | undefined => {
  const at = text.indexOf("=")
  const path = text.slice(0, Math.max(0, at)).split(".")
  return path.includes("") ? undefined : { path, value: valueOf(text.slice(at + 1)) }
}

/**
 * Sets a value in a copy. Missing parents are created: a list where the path has index 0, else an object. An index
 * may be one past the end of a list. Only own properties are read and created.
 */
export const apply = (root: unknown, { path, value }: Override) => set(root, path, value, [])

const set = (
  node: unknown,
  [head, ...rest]: ReadonlyArray<string>,
  value: unknown,
  above: ReadonlyArray<string>
): Result.Result<unknown, string> => {
  if (head === undefined) return Result.succeed(value)
  const container: unknown = node ?? (head === "0" ? [] : {})
  const here = [...above, head]
  if (Array.isArray(container)) {
    const items: ReadonlyArray<unknown> = container
    const index = /^\d{1,9}$/.test(head) ? Number(head) : Infinity
    return index > items.length
      ? Result.fail(
        `${
          here.join(".")
        } is not an index of a list of ${items.length}: use an index from 0 to ${items.length}`
      )
      : Result.map(set(items[index], rest, value, here), (item) => [
        ...items.slice(0, index),
        item,
        ...items.slice(index + 1)
      ])
  }
  if (typeof container !== "object" || container === null || isExactNumber(container)) {
    return Result.fail(
      `${above.join(".")} is ${JSON.stringify(container)} and has no field ${JSON.stringify(head)}: `
        + `override ${above.join(".")} as a whole`
    )
  }
  const fields = new Map<string, unknown>(Object.entries(container))
  return Result.map(
    set(fields.get(head), rest, value, here),
    (field) => Object.fromEntries(fields.set(head, field))
  )
}

const valueOf = (text: string): unknown => {
  try {
    return parseExact(text)
  } catch {
    return text
  }
}
