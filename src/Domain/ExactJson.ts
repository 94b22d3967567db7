import { fromStored, hasStandIn, needsStandIns, toStored } from "./StoredText.ts"

/**
 * Parses JSON without rounding numbers. A number that JavaScript would round is kept as its text, and
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

/** The canonical form of a number: its sign, its digits without leading and trailing zeros, and its exponent. */
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
 * Converts JSON to a form that `jsonb` can store. Text gets its stored form. A number that is too long becomes a
 * string of its digits. Postgres accepts exponents up to some 131,000 and writes out all their zeros.
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

/** Parses JSON as Postgres writes it, with exact numbers, and restores text from its stored form. */
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

/** More digits than any measurement has, and far fewer than `jsonb` accepts. */
const mostDigits = 1_000

interface RawJson {
  readonly rawJSON: string
}

// TypeScript's types do not include this part of ECMAScript yet.
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
