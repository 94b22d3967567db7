import { Context, Effect, Layer, Option, Predicate, type Redacted, Schema, Stream } from "effect"
import { type HttpClient, HttpClientRequest } from "effect/http"
import { isExactNumber } from "../Domain/ExactJson.ts"
import { ThreeQprFailed } from "./ThreeQpr/Failure.ts"
import * as Requests from "./ThreeQpr/Requests.ts"

/** A webhook that was just registered. 3QPR returns its secret only once. */
export interface Registration {
  /** "unknown" when the response has no id. */
  readonly id: string
  readonly url: string
  readonly events: ReadonlyArray<string>
  readonly secret: Redacted.Redacted<string>
  /** Null when the response does not contain it. */
  readonly active: boolean | null
  readonly createdAt: string | null
}

/** Selects scans: of one code, and from `since` until `until`, both ISO 8601. */
export interface ScansQuery {
  readonly qpr_code_id?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
}

/** The client of 3QPR's API. Source: 3QPR's API reference. */
export class ThreeQpr extends Context.Service<ThreeQpr, {
  /**
   * Registers a webhook. The request is not repeated when the webhook may have been created already. The failure then
   * reports this.
   */
  readonly register: (webhook: {
    readonly url: string
    readonly events: ReadonlyArray<string>
  }) => Effect.Effect<Registration, ThreeQprFailed>
  /**
   * All matching scans, page by page in 3QPR's order, which is not documented. Each is returned as 3QPR sent it,
   * without validation, so that one unusual scan does not fail its page. No scan is returned twice, although new
   * scans shift the others during paging. Scans that 3QPR deletes meanwhile can hide others: a complete list needs an
   * `until` in the past.
   */
  readonly scans: (query?: ScansQuery, pageSize?: number) => Stream.Stream<unknown, ThreeQprFailed>
  /** All codes of the account, read in the same way. They include codes that were created in 3QPR's portal. */
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
      outcomeUnknown: "But the webhook may already exist: look in 3QPR's dashboard first, and "
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

// Only the secret is required: 3QPR returns it once, and an error in another field would lose it.
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

/** 3QPR's reference does not document the name of the field with the codes. */
const CodesAnswer = Schema.Union([
  Schema.Struct({ qpr_codes: Schema.Array(Schema.Unknown), total }),
  Schema.Struct({ codes: Schema.Array(Schema.Unknown), total })
])

/** Number of codes per page: 3QPR's default. Its reference documents no larger size that is allowed. */
const codesPage = 20

interface Page {
  readonly rows: ReadonlyArray<unknown>
  readonly total: unknown
}

/** All rows of a list, page by page. Each is returned once. */
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
          return endless(`3QPR counts ${total} ${what}, but returns none from offset ${offset}.`)
        }
        return next.repeated < mostRepeated
          ? Effect.succeed([fresh, Option.some(next)])
          : endless(`3QPR returns the same ${what} repeatedly, the last time from offset ${offset}.`)
      }))
  })

/** Number of consecutive pages without a new row after which the list counts as endless. */
const mostRepeated = 3

const endless = (message: string) =>
  Effect.fail(new ThreeQprFailed({ message: `${message} Try again later.`, retriable: true }))

/**
 * Whether a page is the last one. A full page never is, because a total that is too small must not hide rows. When
 * the total is not a number, the list ends with an empty page.
 */
const isLast = (length: number, next: number, total: unknown, pageSize: number) =>
  Number.isInteger(total) && Number(total) >= 0 ? next >= Number(total) && length < pageSize : length === 0

/** Returns a check whether an entry is new: by its id, or by its whole content when it has no id. */
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
