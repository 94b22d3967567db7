import { Predicate, Result, Schema } from "effect"
import { enable as compile } from "effect/schema/SchemaJITCompiler"
import { dataOf, decisive, Envelope, isKnownType, type KnownType } from "./Event.ts"
import { type EventId, isEventId } from "./EventId.ts"
import { listedCode } from "./QprCode.ts"
import { faultsOf } from "./SchemaFaults.ts"

/** Why a signed body could not be read as an event. */
export type Undecodable = "invalid_json" | "invalid_envelope" | "invalid_data"

/** A problem at one path of a body; the path is empty for the body as a whole. */
export interface Problem {
  readonly path: string
  readonly message: string
}

/** The result of decoding a signed body: an event, or the reason why it is not usable. */
export type Reading =
  | {
    readonly _tag: "Event"
    readonly id: EventId
    readonly type: string
    /** Data that matches the type's schema: an optional field that does not match is null here. */
    readonly data: unknown
    /** The body as JSON text, unchanged. */
    readonly text: string
  }
  | {
    readonly _tag: "Unusable"
    readonly reason: Undecodable
    readonly id: EventId | null
    readonly type: string | null
    readonly problems: ReadonlyArray<Problem>
    /** The problems in one line. */
    readonly detail: string
  }

/**
 * Decodes the bytes that 3QPR signed: strict UTF-8, one JSON value, an envelope, and data that matches its type's
 * schema. Unknown fields and unknown types are accepted. Null, and an optional field that does not match, count as
 * absent. Never throws.
 */
export const decodeDelivery = (body: Uint8Array): Reading => {
  if (isTooDeep(body)) {
    return unusable("invalid_json", null, null, whole(`nested deeper than ${maxDepth} levels`))
  }
  let text: string
  let json: unknown
  try {
    text = utf8.decode(body)
    json = JSON.parse(text)
  } catch (error) {
    return unusable("invalid_json", null, null, whole(String(error)))
  }
  if (!isEnvelope(json)) return unusable("invalid_envelope", idOf(json), null, explain(Envelope, json))
  const { id, event: type, data } = json
  return !isKnownType(type) || fits[type](data) || repair(type, data)
    ? { _tag: "Event", id, type, data, text }
    : unusable("invalid_data", id, type, explain(dataOf[type], data, "data"))
}

/**
 * Sets optional fields that do not match to null, if the data is usable then. Copies only the known fields:
 * the others can be many.
 */
const repair = (type: KnownType, data: unknown): boolean => {
  if (!Predicate.isObject(data)) return false
  const fields: Readonly<Record<PropertyKey, unknown>> = data
  const known = Object.keys(dataOf[type].fields).filter((name) => Object.hasOwn(fields, name))
  const misfits = known.filter((name) => optional[type].get(name)?.(fields[name]) === false)
  const nulls = Object.fromEntries(misfits.map((name) => [name, null]))
  const isUsable = fits[type]({ ...Object.fromEntries(known.map((name) => [name, fields[name]])), ...nulls })
  if (isUsable) Object.assign(data, nulls)
  return isUsable
}

/**
 * Maximum nesting depth. No event needs more, and deeper input breaks some readers. On Deno some 6,000 levels
 * overflow the embedded Postgres, and 5,000 overflow `JSON.stringify`.
 */
const maxDepth = 500

// This check runs on bytes, before anything is parsed. It skips a body that is too short to be too deep.
const isTooDeep = (body: Uint8Array): boolean => {
  if (body.length <= 2 * maxDepth) return false
  let depth = 0
  let inString = false
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]
    if (inString) {
      if (byte === backslash) at++
      else if (byte === quote) inString = false
    } else if (byte === quote) inString = true
    else if (byte === openBracket || byte === openBrace) {
      if (++depth > maxDepth) return true
    } else if (byte === closeBracket || byte === closeBrace) depth--
  }
  return false
}

const quote = 0x22
const backslash = 0x5c
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** A predicate for a schema. Effect compiles the schema's own check once, instead of interpreting it each time. */
const check = <S extends Schema.Constraint>(schema: S) => {
  compile(schema.ast)
  return Schema.is(schema)
}

const isEnvelope = check(Envelope)

const fits: Record<KnownType, (data: unknown) => boolean> = {
  "scan.created": check(dataOf["scan.created"]),
  "conversation.completed": check(dataOf["conversation.completed"]),
  "qpr_code.created": check(dataOf["qpr_code.created"]),
  [listedCode]: check(dataOf[listedCode]),
  "subscription.upgraded": check(dataOf["subscription.upgraded"]),
  "subscription.cancelled": check(dataOf["subscription.cancelled"])
}

const optionalOf = (type: KnownType): ReadonlyMap<string, (value: unknown) => boolean> =>
  new Map(
    Object.entries(dataOf[type].fields).filter(([name]) => !decisive[type].includes(name)).map((
      [name, field]
    ) => [
      name,
      Schema.is(field)
    ])
  )

const optional: Record<KnownType, ReadonlyMap<string, (value: unknown) => boolean>> = {
  "scan.created": optionalOf("scan.created"),
  "conversation.completed": optionalOf("conversation.completed"),
  "qpr_code.created": optionalOf("qpr_code.created"),
  [listedCode]: optionalOf(listedCode),
  "subscription.upgraded": optionalOf("subscription.upgraded"),
  "subscription.cancelled": optionalOf("subscription.cancelled")
}

const unusable = (
  reason: Undecodable,
  id: EventId | null,
  type: string | null,
  problems: ReadonlyArray<Problem>
): Reading => ({
  _tag: "Unusable",
  reason,
  id,
  type,
  problems,
  detail: problems.map(({ message, path }) => path === "" ? message : `${path}: ${message}`).join("; ")
})

const whole = (message: string): ReadonlyArray<Problem> => [{ path: "", message }]

const idOf = (json: unknown): EventId | null => {
  const id = typeof json === "object" && json !== null && "id" in json ? json.id : null
  return isEventId(id) ? id : null
}

const explain = (
  schema: Schema.ConstraintDecoder<unknown>,
  value: unknown,
  ...under: ReadonlyArray<string>
) => {
  const result = Schema.decodeUnknownResult(schema)(value, { errors: "all" })
  return Result.isSuccess(result) ? [] : faultsOf(result.failure.issue).map(
    ({ message, path }): Problem => ({ path: [...under, ...path].join("."), message })
  )
}
