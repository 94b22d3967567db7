import { Duration, Option, Redacted } from "effect"

/** One setting: the variable that carries it, what it may be, and what it is when nothing is set. */
export interface Setting<A, F extends string | undefined = string | undefined> {
  readonly variable: string
  readonly about: string
  readonly allowed: string
  /** As one would write it; undefined when being unset has a meaning of its own. */
  readonly fallback: F
  /** A secret's value is never shown, not even a wrong one. */
  readonly secret: boolean
  readonly parse: (text: string) => A | undefined
}

export const setting = <A, F extends string | undefined>(
  variable: string,
  about: string,
  allowed: string,
  fallback: F,
  parse: (text: string) => A | undefined,
  secret = false
): Setting<A, F> => ({ variable, about, allowed, fallback, secret, parse })

export const text = <F extends string | undefined = undefined>(
  variable: string,
  about: string,
  fallback?: F
) => setting(variable, about, "a text", fallback as F, (text) => text)

export const secret = (variable: string, about: string) =>
  setting(variable, about, "a text", undefined, (text) => Redacted.make(text, { label: variable }), true)

export const list = (text: string) => text.split(",").map((part) => part.trim()).filter((part) => part !== "")

export const wholeNumber = (variable: string, about: string, fallback: string, min: number, max: number) =>
  setting(variable, about, `a whole number from ${min} to ${max}`, fallback, (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : NaN
    return number >= min && number <= max ? number : undefined
  })

export const millis = (text: string) =>
  Option.getOrUndefined(Option.map(Duration.fromInput(text as Duration.Input), Duration.toMillis))
