import { Redacted } from "effect"
import { durationExamples, millisOf } from "../../Domain/Duration.ts"
import { leastLength } from "../../Domain/Secret.ts"

/** One setting: its variable, its allowed values and its default. */
export interface Setting<A, F extends string | undefined = string | undefined> {
  readonly variable: string
  readonly about: string
  readonly allowed: string
  /** The default as a user would write it; undefined when an unset value has its own meaning. */
  readonly fallback: F
  /** The value of a secret is never shown, not even a wrong one. */
  readonly secret: boolean
  readonly parse: (text: string) => A | undefined
  /** For a setting that must not stop the start: the value that replaces one that is not allowed, with a warning. */
  readonly otherwise?: { readonly value: A | undefined } | undefined
}

/** A setting whose wrong value causes a warning instead of a failure. */
export const lenient = <A, F extends string | undefined>(
  setting: Setting<A, F>,
  value: F extends string ? A : A | undefined
): Setting<A, F> => ({ ...setting, otherwise: { value } })

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
) => setting(variable, about, "text", fallback as F, (text) => text)

export const secret = (variable: string, about: string) =>
  setting(variable, about, "text", undefined, (text) => Redacted.make(text, { label: variable }), true)

/** A secret that clients must send. A short one is refused, because it can be guessed. */
export const token = (variable: string, about: string) =>
  setting(
    variable,
    about,
    `at least ${leastLength} characters; \`openssl rand -hex 24\` makes one`,
    undefined,
    (text) => text.length < leastLength ? undefined : Redacted.make(text, { label: variable }),
    true
  )

export const list = (text: string) => text.split(",").map((part) => part.trim()).filter((part) => part !== "")

export const wholeNumber = <F extends string | undefined>(
  variable: string,
  about: string,
  fallback: F,
  min: number,
  max: number
) =>
  setting(variable, about, `a whole number from ${min} to ${max}`, fallback, (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : NaN
    return number >= min && number <= max ? number : undefined
  })

/** A duration of at least `least` milliseconds. */
export const duration = <F extends string | undefined>(
  variable: string,
  about: string,
  least: number,
  leastText: string,
  fallback: F
) =>
  setting(variable, about, `a duration of at least ${leastText}, ${durationExamples}`, fallback, (text) => {
    const millis = millisOf(text)
    return millis !== undefined && millis >= least ? millis : undefined
  })

/** A retention: unlimited, or at least `least` milliseconds. */
export const age = (variable: string, about: string, leastText: string, least: number) =>
  setting(
    variable,
    about,
    `"unlimited", or a duration of at least ${leastText}, ${durationExamples}`,
    "unlimited",
    (text): { readonly millis: number | undefined } | undefined => {
      if (text === "unlimited") return { millis: undefined }
      const kept = millisOf(text)
      return kept !== undefined && kept >= least ? { millis: kept } : undefined
    }
  )
