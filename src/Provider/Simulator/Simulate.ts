import { Effect, Redacted } from "effect"
import { isSecretText, leastLength } from "../../Domain/SecretText.ts"
import { checkOptions, type Rule, wholeNumber } from "../../Process/Options.ts"
import { type Options, start } from "./Engine.ts"
import { type FaultName, faultNames } from "./Faults.ts"
import type { Report } from "./Report.ts"

/** What to deliver, where to, and with which faults. */
export interface SimulateOptions extends Omit<Options, "account" | "secret" | "url"> {
  /** The address of the webhook under test. */
  readonly url: string
  /** The secret that signs the events. The receiver must know it. */
  readonly secret: string
  /** Number of events. */
  readonly count: number
  /** Ends the run early; the report then counts what was delivered so far. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Delivers realistic events by 3QPR's rules, with the chosen faults, and reports their outcomes. Rejects when an
 * option is invalid.
 */
export const simulate = async ({ signal, ...options }: SimulateOptions): Promise<Report> => {
  checkOptions("simulate", options, rules, ["url", "secret", "count"])
  const ended = Effect.callback<void>((resume) => {
    const end = () => resume(Effect.void)
    if (signal?.aborted) return end()
    signal?.addEventListener("abort", end, { once: true })
    return Effect.sync(() => signal?.removeEventListener("abort", end))
  })
  return Effect.runPromise(Effect.scoped(Effect.gen(function*() {
    const simulation = yield* start({ ...options, secret: Redacted.make(options.secret) })
    yield* Effect.raceFirst(simulation.finished, ended)
    yield* simulation.stop
    return yield* simulation.report
  })))
}

const positive: Rule = {
  allows: (value) => typeof value === "number" && value > 0 && Number.isFinite(value),
  allowed: "a number above 0"
}

const isFault = (value: unknown): value is FaultName => faultNames.some((name) => name === value)

const rules: Readonly<Record<keyof Omit<SimulateOptions, "signal">, Rule>> = {
  url: {
    allows: (value) => typeof value === "string" && /^https?:$/.test(URL.parse(value)?.protocol ?? ""),
    allowed: "an address that begins with http:// or https://"
  },
  secret: {
    allows: (value) => typeof value === "string" && isSecretText(value),
    allowed: `the receiver's secret: at least ${leastLength} characters, without line breaks`,
    secret: true
  },
  count: wholeNumber(1, 1_000_000_000),
  rate: positive,
  seed: { allows: (value) => typeof value === "string", allowed: "a text" },
  speed: positive,
  faults: {
    allows: (value) => (Array.isArray(value) || value instanceof Set) && [...value].every(isFault),
    allowed: `a list of ${faultNames.join(", ")}`
  },
  answerWithin: wholeNumber(1, 600_000, "milliseconds"),
  maxInFlight: wholeNumber(1, 1_000_000)
}
