import { Effect, Schema } from "effect"
import { EventType } from "../../Domain/Event.ts"
import { shown } from "../../Process/Options.ts"
import { delays as allowedDelays, isDelay } from "../Outcome.ts"

/** An option of a consumer is invalid. */
export class ConsumerInvalid
  extends Schema.TaggedError<ConsumerInvalid>()("ConsumerInvalid", { message: Schema.String })
{}

/** The options of a consumer, as plain JavaScript can pass them. */
export interface Checked {
  readonly name?: unknown
  readonly types?: unknown
  readonly from?: unknown
  readonly concurrency?: unknown
  readonly maxBatch?: unknown
  readonly stopWithin?: unknown
  readonly progressWithin?: unknown
  readonly partitions?: unknown
  readonly lease?: unknown
  readonly onFailure?: unknown
  readonly retry?: unknown
  readonly handle?: unknown
  readonly handleBatch?: unknown
  readonly key?: unknown
}

/** Fails with all invalid options of a consumer: what was passed, and what is allowed. */
export const check = (options: Checked) => report([...faultsOf(options), ...handlersOf(options)])

/** Like `check`, for a member of an ordered group. */
export const checkOrdered = (options: Checked) =>
  report([
    ...faultsOf(options),
    isFunction(options.handle) ? undefined : fault("handle", options.handle, "a function"),
    isFunction(options.key) ? undefined : fault("key", options.key, "a function that returns an event's key"),
    [undefined, "block", "dead-letter"].some((allowed) => allowed === options.onFailure)
      ? undefined
      : fault("onFailure", options.onFailure, `"block" or "dead-letter"`)
  ])

const report = (faults: ReadonlyArray<string | undefined>) => {
  const found = faults.filter((fault) => fault !== undefined)
  return found.length === 0 ? Effect.void : Effect.fail(new ConsumerInvalid({ message: found.join("\n") }))
}

const faultsOf = ({
  concurrency = 1,
  from = "all",
  lease = 10_000,
  maxBatch = 1,
  name,
  partitions = 1,
  progressWithin = 1,
  retry = {},
  stopWithin = 0,
  types
}: Checked) => {
  const { delays = [], isTransient } = isObject(retry) ? retry : { delays: retry }
  return [
    isName(name) ? undefined : fault("name", name, names),
    types === undefined || (Array.isArray(types) && types.length > 0 && types.every(isType))
      ? undefined
      : fault("types", types, "event types such as scan.created, at least one; omit it for all types"),
    isFrom(from)
      ? undefined
      : fault("from", from, `"all", "new", { time: a Date } or { sequence: a whole number from 1 }`),
    isWithin(concurrency, 1, 1_000) ? undefined : fault("concurrency", concurrency, "1 to 1000"),
    isWithin(maxBatch, 1, 10_000) ? undefined : fault("maxBatch", maxBatch, "1 to 10000"),
    isWithin(partitions, 1, 1_000) ? undefined : fault("partitions", partitions, "1 to 1000"),
    isWithin(lease, 1_000, 600_000) ? undefined : fault("lease", lease, "1000 to 600000 milliseconds"),
    isDelay(stopWithin) ? undefined : fault("stopWithin", stopWithin, allowedDelays),
    isDelay(progressWithin) && progressWithin > 0
      ? undefined
      : fault("progressWithin", progressWithin, "milliseconds, more than 0"),
    Array.isArray(delays) && delays.every(isDelay)
      ? undefined
      : fault("retry.delays", delays, `an array of ${allowedDelays}`),
    isTransient === undefined || isFunction(isTransient)
      ? undefined
      : fault("retry.isTransient", isTransient, "a function")
  ]
}

const handlersOf = ({ handle, handleBatch }: Checked) => [
  handleBatch === undefined
    ? isFunction(handle) ? undefined : fault("handle", handle, "a function; or handleBatch, with maxBatch")
    : isFunction(handleBatch)
    ? undefined
    : fault("handleBatch", handleBatch, "a function"),
  handle !== undefined && handleBatch !== undefined
    ? "The consumer has both handle and handleBatch; allowed is one of them."
    : undefined
]

const names =
  "1 to 64 letters, digits, _ and -, but no - and number at the end, because projections use such names"

const fault = (option: string, given: unknown, allowed: string) =>
  `The consumer's ${option} is ${shown(given)}; allowed is ${allowed}.`

/** Whether a consumer may have this name. */
const isName = (name: unknown) =>
  typeof name === "string" && /^[\w-]{1,64}$/.test(name) && !/-\d+$/.test(name)

const isEventType = Schema.is(EventType)

const isType = (type: unknown) => typeof type === "string" && isEventType(type)

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isFunction = (value: unknown) => typeof value === "function"

const isFrom = (from: unknown) =>
  from === "all" || from === "new" || (isObject(from) && (
    "time" in from
      ? from["time"] instanceof Date && !Number.isNaN(from["time"].getTime())
      : isWithin(from["sequence"], 1, Number.MAX_SAFE_INTEGER)
  ))

const isWithin = (number: unknown, min: number, max: number) =>
  typeof number === "number" && Number.isInteger(number) && number >= min && number <= max
