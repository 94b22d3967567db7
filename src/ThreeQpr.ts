import { Context, Effect, Layer, Option, type Redacted, Schema, Stream } from "effect"
import { type HttpClient, HttpClientRequest } from "effect/http"
import { maybe } from "./Domain/Fields.ts"
import { Scan } from "./Domain/Scan.ts"
import { ThreeQprFailed } from "./ThreeQpr/Failure.ts"
import * as Requests from "./ThreeQpr/Requests.ts"

/** A webhook that was just registered. 3QPR tells its secret this once. */
export interface Registration {
  readonly id: string
  readonly url: string
  readonly events: ReadonlyArray<string>
  readonly secret: Redacted.Redacted<string>
  /** Null when 3QPR did not say. */
  readonly active: boolean | null
  readonly createdAt: string | null
}

/** A scan as `GET /v1/scans` gives it, with every field that 3QPR sent. */
export const ScanRecord = Schema.StructWithRest(Schema.Struct(Scan.fields), [
  Schema.Record(Schema.String, Schema.Unknown)
])
export type ScanRecord = typeof ScanRecord.Type

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
   * All scans that fit, page by page in 3QPR's order, which is not documented. New scans move the others
   * along while it runs: none is given twice, and whether the new ones are among them is open. Scans that
   * 3QPR deletes meanwhile can hide others; what must be complete needs an `until` in the past.
   */
  readonly scans: (query?: ScansQuery, pageSize?: number) => Stream.Stream<ScanRecord, ThreeQprFailed>
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
      id: answer.id,
      url: answer.url ?? webhook.url,
      events: answer.events ?? webhook.events,
      secret: answer.secret,
      active: answer.active ?? null,
      createdAt: answer.created_at ?? null
    }
  })

  const page = Effect.fn("ThreeQpr.page")(function*(query: ScansQuery, limit: number, offset: number) {
    return yield* send({
      request: HttpClientRequest.get("/v1/scans", { urlParams: { ...query, limit, offset } }),
      answer: ScansAnswer,
      quota: "scans"
    })
  })

  const scans = (query: ScansQuery = {}, pageSize = 200) =>
    Stream.suspend(() => {
      const seen = new Set<string>()
      return Stream.paginate(0, (offset) =>
        Effect.flatMap(page(query, pageSize, offset), ({ scans, total }) => {
          const fresh = scans.filter(({ id }) =>
            !seen.has(id) && seen.add(id)
          )
          const next = offset + scans.length
          if (next >= total) return Effect.succeed([fresh, Option.none<number>()])
          return scans.length > 0 ? Effect.succeed([fresh, Option.some(next)]) : Effect.fail(
            new ThreeQprFailed({
              message: `3QPR tells of ${total} scans and gives none from ${offset} on. Try again later.`,
              retriable: true
            })
          )
        }))
    })

  return ThreeQpr.of({ register, scans })
})

// Of what 3QPR answers only what cannot be told otherwise is demanded: an answer refused is a secret lost.
const RegisterAnswer = Schema.Struct({
  id: Schema.String,
  url: maybe(Schema.String),
  events: maybe(Schema.Array(Schema.String)),
  secret: Schema.RedactedFromValue(Schema.NonEmptyString, { label: "webhook secret" }),
  active: maybe(Schema.Boolean),
  created_at: maybe(Schema.String)
})

const ScansAnswer = Schema.Struct({ scans: Schema.Array(ScanRecord), total: Schema.Int })
