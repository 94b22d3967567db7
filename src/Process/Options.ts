/** A rule for an option of a library function. */
export interface Rule {
  readonly allows: (value: unknown) => boolean
  /** The allowed values, in words. */
  readonly allowed: string
  /** The value of a secret is never shown. */
  readonly secret?: boolean
}

/** An option of a library function is wrong. */
export class OptionsInvalid extends TypeError {
  override readonly name = "OptionsInvalid"
}

/**
 * Throws an error that lists every fault of a function's options: wrong values and unknown names. An option that is
 * undefined is not checked, unless it is among `required`.
 */
export const checkOptions = (
  what: string,
  options: unknown,
  rules: Readonly<Record<string, Rule>>,
  required: ReadonlyArray<string> = []
): void => {
  if (!isRecord(options)) {
    throw new OptionsInvalid(`${what} takes an object of options, but got ${shown(options)}.`)
  }
  const names = Object.keys(options)
  const unknown = names.filter((name) => rules[name] === undefined).map((name) =>
    `${what} has no option ${name}; it has ${Object.keys(rules).join(", ")}.`
  )
  const wrong = Object.entries(rules).flatMap(([name, { allowed, allows, secret = false }]) => {
    const value = options[name]
    if (value === undefined ? !required.includes(name) : allows(value)) return []
    return [wrongOption(what, name, secret && value !== undefined ? hidden(value) : shown(value), allowed)]
  })
  const faults = [...unknown, ...wrong]
  if (faults.length > 0) throw new OptionsInvalid(faults.join("\n"))
}

/** A sentence that names an option, the given value, and the allowed values. */
export const wrongOption = (what: string, name: string, given: string, allowed: string) =>
  `${what}: ${name} is ${given}; allowed is ${allowed}.`

/** Describes a secret without its text. */
const hidden = (value: unknown): string =>
  Array.isArray(value)
    ? value.length === 0 ? "an empty list" : `a list of ${value.map(hidden).join(", ")}`
    : typeof value === "string"
    ? value === "" ? "empty" : `text of ${value.length} characters`
    : `of another type (${value === null ? "null" : typeof value})`

/** Formats a value for a message. JSON cannot represent NaN, Infinity, undefined or functions. */
export const shown = (given: unknown): string =>
  Array.isArray(given)
    ? `[${given.map(shown).join()}]`
    : typeof given === "object" || typeof given === "string"
    ? JSON.stringify(given)
    : typeof given === "function"
    ? "a function"
    : String(given)

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A rule for an integer within bounds. */
export const wholeNumber = (min: number, max: number, unit = ""): Rule => ({
  allows: (value) => typeof value === "number" && Number.isInteger(value) && value >= min && value <= max,
  allowed: `a whole number from ${min} to ${max}${unit && ` ${unit}`}`
})
