import { Result } from "effect"
import { isExactNumber, parseExact } from "../../Domain/ExactJson.ts"

/** One value of an event to be set: where it is from the event's root, and what it shall be. */
export interface Override {
  readonly path: ReadonlyArray<string>
  readonly value: unknown
}

/** Reads `path=value`: the path is dotted, the value JSON where it is JSON and else a text. */
export const parse = (text: string): Override | undefined => {
  const at = text.indexOf("=")
  const path = text.slice(0, Math.max(0, at)).split(".")
  return path.includes("") ? undefined : { path, value: valueOf(text.slice(at + 1)) }
}

/**
 * Sets a value in a copy. What is missing on the way to it is created: a list where the path says index 0,
 * else an object. An index may be one past the end of a list. Only own fields are seen, and made.
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
        `${here.join(".")} is no place in a list of ${items.length}: use an index from 0 to ${items.length}`
      )
      : Result.map(set(items[index], rest, value, here), (item) => [
        ...items.slice(0, index),
        item,
        ...items.slice(index + 1)
      ])
  }
  if (typeof container !== "object" || container === null || isExactNumber(container)) {
    return Result.fail(
      `${above.join(".")} is ${JSON.stringify(container)}, which has no field ${JSON.stringify(head)}: `
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
