import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Context, Effect, Layer, Redacted, Schema, type SchemaIssue } from "effect"
import {
  HttpRouter,
  HttpServer,
  type HttpServerError,
  HttpServerRequest,
  HttpServerResponse
} from "effect/http"
import { IsoDateTime } from "../../Domain/Fields.ts"
import { faultsOf } from "../../Domain/SchemaFaults.ts"
import { createAnsweringServer } from "../../Process/AnsweringServer.ts"
import { isSafe } from "../../Process/Config.ts"
import { messageOf } from "../../Process/Failure.ts"
import type { Account } from "./Account.ts"
import { granularities, periods } from "./Analytics.ts"
import { gate, type GateOptions, problem } from "./Api/Gate.ts"

export interface ApiOptions extends GateOptions {
  readonly account: Account
  readonly host: string
  /** 0 selects a free port. */
  readonly port: number
}

/** The simulated API cannot listen on its address. */
export class ApiNotListening
  extends Schema.TaggedError<ApiNotListening>()("ApiNotListening", { message: Schema.String })
{}

/**
 * Simulates 3QPR's API for one account: registering webhooks, listing scans and codes, and analytics. It has 3QPR's
 * fields, parameters, errors and rate limits. Source: 3QPR's API reference.
 */
export class SimulatedApi extends Context.Service<SimulatedApi, {
  /** Its URL on this machine, for THREEQPR_API_URL. */
  readonly url: string
}>()("threeqpr-events/Simulator/Api") {
  static readonly layer = (options: ApiOptions): Layer.Layer<SimulatedApi, ApiNotListening> =>
    Layer.effect(SimulatedApi, Effect.map(HttpServer.HttpServer, ({ address }) => ({ url: urlOf(address) })))
      .pipe(
        Layer.provideMerge(HttpRouter.serve(
          Layer.mergeAll(routes(options.account), gate(options)),
          { disableLogger: true, disableListenLog: true }
        )),
        Layer.provide(NodeHttpServer.layer(createAnsweringServer, {
          host: options.host,
          port: options.port,
          gracefulShutdownTimeout: "1 second"
        })),
        Layer.catchTag("ServeError", (error) => Layer.effect(SimulatedApi, notListening(options, error)))
      )
}

const routes = (account: Account) =>
  Layer.mergeAll(
    HttpRouter.add("POST", "/v1/webhooks", answering(register(account))),
    HttpRouter.add("GET", "/v1/scans", answering(scans(account))),
    HttpRouter.add("GET", "/v1/qpr-codes", answering(codes(account))),
    HttpRouter.add("GET", "/v1/qpr-codes/:id/analytics", answering(analytics(account))),
    HttpRouter.add("*", "/*", problem(404, "not_found", "This address does not exist."))
  )

const register = Effect.fnUntraced(function*(account: Account) {
  const { events, url } = yield* HttpServerRequest.schemaBodyJson(WebhookRequest)
  const { createdAt, id, secret } = yield* account.register(url, events)
  return { id, url, events, secret: Redacted.value(secret), active: true, created_at: createdAt }
})

const scans = Effect.fnUntraced(function*(account: Account) {
  const { limit = 50, offset = 0, ...query } = yield* HttpServerRequest.schemaSearchParams(ScansRequest)
  return { ...account.scans({ ...query, limit, offset }), limit, offset }
})

const codes = Effect.fnUntraced(function*(account: Account) {
  const { limit = 20, offset = 0 } = yield* HttpServerRequest.schemaSearchParams(CodesRequest)
  return { ...account.codes({ limit, offset }), limit, offset }
})

const analytics = Effect.fnUntraced(function*(account: Account) {
  const { granularity = "day", period = "30d" } = yield* HttpServerRequest.schemaSearchParams(
    AnalyticsRequest
  )
  const { id = "" } = yield* HttpRouter.params
  return (yield* account.analytics({ qpr_code_id: id, period, granularity }))
    ?? problem(404, "not_found", "This QPR code does not exist.")
})

/** Responds with 200 and the result, with 422 to an invalid request, and with 400 to a body that is not JSON. */
const answering = <R>(
  found: Effect.Effect<object, Schema.SchemaError | HttpServerError.HttpServerError, R>
) =>
  found.pipe(
    Effect.map((answer) =>
      HttpServerResponse.isHttpServerResponse(answer) ? answer : HttpServerResponse.jsonUnsafe(answer)
    ),
    Effect.catchTags({
      SchemaError: ({ issue }) => Effect.succeed(problem(422, "invalid_request", faultOf(issue))),
      HttpServerError: () => Effect.succeed(problem(400, "bad_request", "The body is not JSON."))
    })
  )

const faultOf = (issue: SchemaIssue.Issue) =>
  faultsOf(issue).map(({ message, path }) => `${path.join(".")}: ${message}`).join("; ")

const WebhookRequest = Schema.Struct({
  // 3QPR calls public HTTPS addresses only. The simulator may also call the machine that it runs on.
  url: Schema.String.check(
    Schema.makeFilter((url) => isSafe(url), { expected: "an https:// address, or http:// on this machine" })
  ),
  events: Schema.NonEmptyArray(Schema.NonEmptyString)
})

const within = (minimum: number, maximum: number) =>
  Schema.optional(
    Schema.NumberFromString.pipe(Schema.check(Schema.isInt(), Schema.isBetween({ minimum, maximum })))
  )

const ScansRequest = Schema.Struct({
  qpr_code_id: Schema.optional(Schema.String),
  since: Schema.optional(IsoDateTime),
  until: Schema.optional(IsoDateTime),
  limit: within(1, 200),
  offset: within(0, Number.MAX_SAFE_INTEGER)
})

const CodesRequest = Schema.Struct({
  limit: within(1, 200),
  offset: within(0, Number.MAX_SAFE_INTEGER)
})

const AnalyticsRequest = Schema.Struct({
  period: Schema.optional(Schema.Literals(periods)),
  granularity: Schema.optional(Schema.Literals(granularities))
})

const urlOf = (address: HttpServer.HttpServer["Service"]["address"]) =>
  HttpServer.formatAddress(address).replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")

const notListening = ({ host, port }: ApiOptions, { cause }: HttpServerError.ServeError) =>
  Effect.fail(
    new ApiNotListening({
      message: `The simulated API cannot listen on ${host}:${port}: ${messageOf(cause)}. Choose another port.`
    })
  )
