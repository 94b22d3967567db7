import { Effect, Schema } from "effect"
import { EventType } from "../Domain/Event.ts"
import type { From } from "./Start.ts"

/** An option of a consumer is wrong. */
export class ConsumerInvalid
  extends Schema.TaggedError<ConsumerInvalid>()("ConsumerInvalid", { message: Schema.String })
{}

interface Checked {
  readonly name: string
  readonly types?: ReadonlyArray<string> | undefined
  readonly from?: From | undefined
  readonly concurrency?: number | undefined
  readonly maxBatch?: number | undefined
  readonly stopWithin?: number | undefined
  readonly partitions?: number | undefined
  readonly lease?: number | undefined
  readonly retry?: { readonly delays?: ReadonlyArray<number> | undefined } | undefined
}

/** Fails with all that is wrong: the option, what was given, what is allowed. */
export const check = (options: Checked) => {
  const {
    concurrency = 1,
    lease = 10_000,
    maxBatch = 1,
    name,
    partitions = 1,
    retry,
    stopWithin = 0,
    types
  } = options
  const faults = [
    isName(name) ? undefined : fault("name", name, names),
    types === undefined || (types.length > 0 && types.every(isType))
      ? undefined
      : fault("types", types, "event types such as scan.created, at least one; leave it out for all"),
    isFrom(options.from)
      ? undefined
      : fault("from", options.from, `"all", "new", { time: a Date } or { sequence: a whole number from 1 }`),
    isWithin(concurrency, 1, 1_000) ? undefined : fault("concurrency", concurrency, "1 to 1000"),
    isWithin(maxBatch, 1, 10_000) ? undefined : fault("maxBatch", maxBatch, "1 to 10000"),
    isWithin(partitions, 1, 1_000) ? undefined : fault("partitions", partitions, "1 to 1000"),
    isWithin(lease, 1_000, 600_000) ? undefined : fault("lease", lease, "1000 to 600000 milliseconds"),
    stopWithin >= 0 ? undefined : fault("stopWithin", stopWithin, "milliseconds, 0 or more"),
    (retry?.delays ?? []).every((delay) => delay >= 0)
      ? undefined
      : fault("retry.delays", retry?.delays, "milliseconds, 0 or more each")
  ].filter((fault) => fault !== undefined)
  return faults.length === 0 ? Effect.void : Effect.fail(new ConsumerInvalid({ message: faults.join("\n") }))
}

const names = "1 to 64 letters, digits, _ and -, without - and a number at the end, as projections have it"

const fault = (option: string, given: unknown, allowed: string) =>
  `The consumer's ${option} is ${JSON.stringify(given)}; allowed is ${allowed}.`

/** Whether a consumer may have this name. */
const isName = (name: string) => /^[\w-]{1,64}$/.test(name) && !/-\d+$/.test(name)

const isType = Schema.is(EventType)

const isFrom = (from: From = "all") =>
  typeof from === "string"
    ? from === "all" || from === "new"
    : "time" in from
    ? !Number.isNaN(from.time.getTime())
    : isWithin(from.sequence, 1, Number.MAX_SAFE_INTEGER)

const isWithin = (number: number, min: number, max: number) =>
  Number.isInteger(number) && number >= min && number <= max
