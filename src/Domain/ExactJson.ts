import { fromStored, hasStandIn, needsStandIns, toStored } from "./StoredText.ts"

/**
 * JSON whose numbers keep their value: one that a JavaScript number would round is kept as its text, and
 * `JSON.stringify` writes that text.
 */
export const parseExact = (text: string): unknown =>
  JSON.parse(
    text,
    (_, value, { source }) =>
      typeof value === "number" && source !== undefined && decimalOf(String(value)) !== decimalOf(source)
        ? JSON.rawJSON(source)
        : value
  )

/** A number in one way of writing it: its sign, its digits without zeros at the ends, and its exponent. */
const decimalOf = (text: string) => {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = parts.exec(text) ?? ["", "", text]
  const digits = (whole + fraction).replace(/^0+/, "")
  const significant = digits.replace(/0+$/, "")
  return significant === ""
    ? "0"
    : `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`
}

const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/

/** Whether a value is a number that is kept as its text. */
export const isExactNumber = (value: unknown): boolean => JSON.isRawJSON(value)

/**
 * The same JSON as `jsonb` can hold it: texts in their stored form, and each number that is too long as a string of its
 * digits. Postgres takes exponents up to some 131,000 and writes all zeros of them out.
 */
export const storable = (json: string): string =>
  needsStandIns(json)
    ? json.replaceAll(
      tokens,
      (token) => isText(token) ? changed(token, toStored) : isTooLong(token) ? `"${token}"` : token
    )
    : isSuspect(json)
    ? json.replaceAll(tokens, (token) => isTooLong(token) ? `"${token}"` : token)
    : json

/** Reads JSON as Postgres writes it, with exact numbers, and gives texts as they were before they were stored. */
export const parseStored = (json: string): unknown =>
  parseExact(
    hasStandIn(json)
      ? json.replaceAll(tokens, (token) => isText(token) ? changed(token, fromStored) : token)
      : json
  )

const isText = (token: string) => token.startsWith(`"`)

const changed = (token: string, change: (text: string) => string) =>
  JSON.stringify(change(String(JSON.parse(token))))

const isSuspect = (json: string) => /[eE][+-]?\d{4}/.test(json) || json.length > mostDigits

const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g

const isTooLong = (token: string) =>
  !isText(token) && (token.length > mostDigits || /[eE][+-]?0*[1-9]\d{3}/.test(token))

/** More than any measurement has, and far below what `jsonb` takes. */
const mostDigits = 1_000

interface RawJson {
  readonly rawJSON: string
}

// TypeScript does not know this part of ECMAScript yet.
declare global {
  interface JSON {
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown
    ): unknown
    rawJSON(text: string): RawJson
    isRawJSON(value: unknown): value is RawJson
  }
}
