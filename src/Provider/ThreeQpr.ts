import { Context, Effect, Layer, Option, Predicate, type Redacted, Schema, Stream } from "effect"
import { type HttpClient, HttpClientRequest } from "effect/http"
import { isExactNumber } from "../Domain/ExactJson.ts"
import { ThreeQprFailed } from "./ThreeQpr/Failure.ts"
import * as Requests from "./ThreeQpr/Requests.ts"

/** A webhook that was just registered. 3QPR shows its secret only now. */
export interface Registration {
  /** "unknown" when 3QPR did not say. */
  readonly id: string
  readonly url: string
  readonly events: ReadonlyArray<string>
  readonly secret: Redacted.Redacted<string>
  /** Null when 3QPR did not say. */
  readonly active: boolean | null
  readonly createdAt: string | null
}

/** Which scans: of one code, from `since` until `until`, both ISO 8601. */
export interface ScansQuery {
  readonly qpr_code_id?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
}

/** The client of 3QPR's API. Source: 3QPR's API reference. */
export class ThreeQpr extends Context.Service<ThreeQpr, {
  /**
   * Registers a webhook. Never asks twice when a webhook may have been created already; the failure then
   * says so.
   */
  readonly register: (webhook: {
    readonly url: string
    readonly events: ReadonlyArray<string>
  }) => Effect.Effect<Registration, ThreeQprFailed>
  /**
   * All scans that fit, page by page in 3QPR's order, which is not documented. Each is given as 3QPR sent it and
   * is not checked, so that one odd scan does not cost its neighbours. No scan is given twice, although new scans
   * move the others along meanwhile. Scans that 3QPR deletes meanwhile can hide others: a complete list needs an
   * `until` in the past.
   */
  readonly scans: (query?: ScansQuery, pageSize?: number) => Stream.Stream<unknown, ThreeQprFailed>
  /** All codes of the account, in the same way. Codes that were made in 3QPR's portal are among them. */
  readonly codes: (pageSize?: number) => Stream.Stream<unknown, ThreeQprFailed>
}>()("threeqpr-events/ThreeQpr") {
  static readonly layer = (
    options: Requests.Options
  ): Layer.Layer<ThreeQpr, ThreeQprFailed, HttpClient.HttpClient> => Layer.effect(ThreeQpr, make(options))
}

const make = Effect.fnUntraced(function*(options: Requests.Options) {
  const send = yield* Requests.make(options)

  const register = Effect.fn("ThreeQpr.register")(function*(
    webhook: { readonly url: string; readonly events: ReadonlyArray<string> }
  ) {
    const answer = yield* send({
      request: HttpClientRequest.post("/v1/webhooks").pipe(HttpClientRequest.bodyJsonUnsafe(webhook)),
      answer: RegisterAnswer,
      quota: "other",
      outcomeUnknown: "But the webhook may have been created already: look in 3QPR's dashboard first, and "
        + "delete it there."
    })
    return {
      id: textIn(answer.id) ?? "unknown",
      url: textIn(answer.url) ?? webhook.url,
      events: isTexts(answer.events) ? answer.events : webhook.events,
      secret: answer.secret,
      active: Predicate.isBoolean(answer.active) ? answer.active : null,
      createdAt: textIn(answer.created_at) ?? null
    }
  })

  const scans = (query: ScansQuery = {}, pageSize = 200) =>
    listed("scans", pageSize, (limit, offset) =>
      Effect.map(
        send({
          request: HttpClientRequest.get("/v1/scans", { urlParams: { ...query, limit, offset } }),
          answer: ScansAnswer,
          quota: "scans"
        }),
        ({ scans, total }) => ({ rows: scans, total })
      ))

  const codes = (pageSize = codesPage) =>
    listed("codes", pageSize, (limit, offset) =>
      Effect.map(
        send({
          request: HttpClientRequest.get("/v1/qpr-codes", { urlParams: { limit, offset } }),
          answer: CodesAnswer,
          quota: "other"
        }),
        (answer) => ({ rows: "qpr_codes" in answer ? answer.qpr_codes : answer.codes, total: answer.total })
      ))

  return ThreeQpr.of({ register, scans, codes })
})

// 3QPR gives the secret only once, so nothing else in the answer may cost it.
const RegisterAnswer = Schema.Struct({
  id: Schema.optional(Schema.Unknown),
  url: Schema.optional(Schema.Unknown),
  events: Schema.optional(Schema.Unknown),
  secret: Schema.RedactedFromValue(Schema.NonEmptyString, { label: "webhook secret" }),
  active: Schema.optional(Schema.Unknown),
  created_at: Schema.optional(Schema.Unknown)
})

const isTexts = Schema.is(Schema.Array(Schema.String))

const total = Schema.optional(Schema.Unknown)

const ScansAnswer = Schema.Struct({ scans: Schema.Array(Schema.Unknown), total })

/** 3QPR's reference does not show the name under which the codes are. */
const CodesAnswer = Schema.Union([
  Schema.Struct({ qpr_codes: Schema.Array(Schema.Unknown), total }),
  Schema.Struct({ codes: Schema.Array(Schema.Unknown), total })
])

/** Codes of a page: 3QPR's default. Its reference names no larger size that is allowed. */
const codesPage = 20

interface Page {
  readonly rows: ReadonlyArray<unknown>
  readonly total: unknown
}

/** All rows of a list, page by page. Each is given once. */
const listed = (
  what: string,
  pageSize: number,
  page: (limit: number, offset: number) => Effect.Effect<Page, ThreeQprFailed>
) =>
  Stream.suspend(() => {
    const isNew = unseen()
    return Stream.paginate({ offset: 0, repeated: 0 }, ({ offset, repeated }) =>
      Effect.flatMap(page(pageSize, offset), ({ rows, total }) => {
        const fresh = rows.filter(isNew)
        const next = { offset: offset + rows.length, repeated: fresh.length > 0 ? 0 : repeated + 1 }
        if (isLast(rows.length, next.offset, total, pageSize)) {
          return Effect.succeed([fresh, Option.none<typeof next>()])
        }
        if (rows.length === 0) {
          return endless(`3QPR counts ${total} ${what} and gives none from ${offset} on.`)
        }
        return next.repeated < mostRepeated
          ? Effect.succeed([fresh, Option.some(next)])
          : endless(`3QPR gives the same ${what} again and again, at last from ${offset} on.`)
      }))
  })

/** Pages in a row that hold nothing new before the list counts as one without an end. */
const mostRepeated = 3

const endless = (message: string) =>
  Effect.fail(new ThreeQprFailed({ message: `${message} Try again later.`, retriable: true }))

/**
 * Whether no page follows. A total that is too small must not hide scans, so a full page is never the last one. Where
 * the total is no number, the list ends with an empty page.
 */
const isLast = (length: number, next: number, total: unknown, pageSize: number) =>
  Number.isInteger(total) && Number(total) >= 0 ? next >= Number(total) && length < pageSize : length === 0

/** Whether an entry is met for the first time: by its id, or else by all that it holds. */
const unseen = () => {
  const seen = new Set<string>()
  return (entry: unknown) => {
    const id = Predicate.hasProperty(entry, "id") ? textIn(entry.id) : undefined
    const key = id === undefined ? `json:${jsonOf(entry)}` : `id:${id}`
    return !seen.has(key) && seen.add(key).size > 0
  }
}

const textIn = (value: unknown) =>
  Predicate.isString(value)
    ? value
    : Predicate.isNumber(value) || isExactNumber(value)
    ? JSON.stringify(value)
    : undefined

const jsonOf = (entry: unknown) => {
  try {
    return JSON.stringify(entry)
  } catch {
    return "nested too deeply"
  }
}
