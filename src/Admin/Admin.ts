/**
 * Room `Admin`: the answers of the private listener by resource, access, metrics of the whole.
 *
 * Promises: Nothing but health and pages without data is answered without the token. No GET changes anything.
 *
 * May use: `Domain`, `Process`, `Nats`, `Database`, `EventLog`, `Ingress`, `Consumer`, `Projector`, `Jobs`,
 * `Admin/Api`.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { ByteSize, Console, Effect, Layer, type Redacted } from "effect"
import { HttpMiddleware, HttpRouter, HttpServer, HttpServerRequest, HttpServerRespondable } from "effect/http"
import { HttpApiBuilder, HttpApiSwagger } from "effect/http-api"
import { Operations } from "../EventLog/Operations.ts"
import * as Jobs from "../Jobs/Jobs.ts"
import { createAnsweringServer } from "../Process/AnsweringServer.ts"
import { limits } from "../Process/Connections.ts"
import { linkTo } from "../Process/SignInCode.ts"
import * as Access from "./Access/Access.ts"
import * as Guards from "./Access/Guards.ts"
import * as SignIn from "./Access/SignIn.ts"
import { AnalyticsHandlers } from "./Analytics/AnalyticsHandlers.ts"
import { Api } from "./Api.ts"
import { NotFound } from "./Api/Problems.ts"
import { ChangesHandlers } from "./Changes/ChangesHandlers.ts"
import * as Dashboard from "./Dashboard.ts"
import { DeadLettersHandlers } from "./DeadLetters/DeadLettersHandlers.ts"
import * as Draining from "./Draining.ts"
import { EventLifeHandlers } from "./EventLife/EventLifeHandlers.ts"
import { EventsHandlers } from "./Events/EventsHandlers.ts"
import { ForgetHandlers } from "./Forget/ForgetHandlers.ts"
import * as Health from "./Health.ts"
import { LiveHandlers } from "./Live/LiveHandlers.ts"
import * as Metrics from "./Metrics.ts"
import { ModelsHandlers } from "./Models/ModelsHandlers.ts"
import { OperationsHandlers } from "./Operations/OperationsHandlers.ts"
import { ProjectionsHandlers } from "./Projections/ProjectionsHandlers.ts"
import { QuarantineHandlers } from "./Quarantine/QuarantineHandlers.ts"
import { ReadModelsHandlers } from "./ReadModels/ReadModelsHandlers.ts"
import { ReconciliationsHandlers } from "./Reconciliations/ReconciliationsHandlers.ts"
import { RejectionsHandlers } from "./Rejections/RejectionsHandlers.ts"
import { SqlHandlers } from "./Sql/SqlHandlers.ts"
import { StatusHandlers } from "./Status/StatusHandlers.ts"
import * as Validation from "./Validation.ts"
import { WebhookSecretsHandlers } from "./WebhookSecrets/WebhookSecretsHandlers.ts"

export interface AdminOptions {
  readonly host: string
  /** The port; 0 selects a free one. */
  readonly port: number
  readonly token?: Redacted.Redacted<string> | undefined
  /** Whether `serve` prints a sign-in link for browsers when it starts. */
  readonly printsLink?: boolean | undefined
  /** A token that permits reads only. */
  readonly readToken?: Redacted.Redacted<string> | undefined
  /** Names that the listener answers to, besides those of this machine. */
  readonly allowedHosts?: ReadonlyArray<string> | undefined
  /** How to reconcile with 3QPR; undefined when no key for 3QPR's API is configured. */
  readonly reconcile?: Jobs.ReconcileOptions | undefined
}

/** The private listener with the query API. It needs the database, the event log and its consumers. */
export const layer = (options: AdminOptions) =>
  Layer.mergeAll(
    listener(
      options,
      Layer.mergeAll(api(options), Metrics.layer, Dashboard.layer, signIn(options)),
      announceBoth(options)
    ),
    Jobs.layer(options.reconcile)
  ).pipe(Layer.provide(Operations.layer))

/** The private listener of a process without the admin role: health and the metrics of this process. */
export const layerHealth = (options: AdminOptions) => listener(options, Metrics.layerOwn, announce)

const signIn = ({ token }: AdminOptions) => token === undefined ? Layer.empty : SignIn.layer(token)

const api = ({ reconcile, token }: AdminOptions) =>
  HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(
    Layer.merge(HttpApiSwagger.layer(Api, { path: "/docs" })),
    Layer.provide([
      ReadModelsHandlers,
      ModelsHandlers,
      AnalyticsHandlers,
      EventsHandlers,
      EventLifeHandlers,
      LiveHandlers,
      ChangesHandlers,
      StatusHandlers,
      DeadLettersHandlers,
      QuarantineHandlers,
      ForgetHandlers,
      OperationsHandlers,
      ProjectionsHandlers,
      RejectionsHandlers,
      SqlHandlers(token !== undefined),
      WebhookSecretsHandlers,
      ReconciliationsHandlers(reconcile !== undefined)
    ]),
    Layer.provide([Validation.layer, Access.layer])
  )

const listener = <E, R>(
  options: AdminOptions,
  routes: Layer.Layer<never, E, R>,
  announcement: Effect.Effect<void, never, HttpServer.HttpServer>
) =>
  Layer.effectDiscard(Effect.andThen(announcement, drainFirst)).pipe(
    Layer.provideMerge(HttpRouter.serve(
      Layer.mergeAll(
        // Register the wildcard after the other routes. It also matches `/`, and the first registered route of a path
        // wins.
        Layer.provideMerge(nothingElse, routes),
        Health.layer,
        Guards.middleware,
        Draining.middleware,
        Access.middleware(options)
      ),
      { disableLogger: true, disableListenLog: true, routerConfig: { maxParamLength: limits.maxHeaderSize } }
    )),
    Layer.provide(Layer.succeed(HttpServerRequest.MaxBodySize, ByteSize.mebibytes(1))),
    Layer.provideMerge(NodeHttpServer.layer(createAnsweringServer, {
      host: options.host,
      port: options.port,
      gracefulShutdownTimeout: drainTimeout
    })),
    Layer.provide(Draining.Draining.layer),
    Layer.provide(HttpMiddleware.layerTracerDisabledForUrls(["/livez", "/readyz", "/metrics"])),
    Layer.provide(Layer.effectDiscard(Access.check(options)))
  )

// HEAD is left out: the router answers it as GET when no route for HEAD matches.
const nothingElse = HttpRouter.addAll(
  (["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const).map((method) =>
    HttpRouter.route(
      method,
      "/*",
      HttpServerRespondable.toResponse(new NotFound({ detail: "No route has this method and path." }))
    )
  )
)

/** How long the listener waits for requests in flight when it stops, in milliseconds. */
const drainTimeout = 5_000

const drainFirst = Effect.flatMap(Draining.Draining, ({ begin }) => Effect.addFinalizer(() => begin))

const announce = HttpServer.addressFormattedWith((url) => Effect.logInfo(`private listener: ${url}`))

const announceBoth = ({ printsLink = false, token }: AdminOptions) =>
  Effect.andThen(
    announce,
    HttpServer.addressFormattedWith((url) =>
      Effect.andThen(
        Effect.logInfo(`dashboard: ${url}/`),
        printsLink && token !== undefined ? printLink(url, token) : Effect.void
      )
    )
  )

/** The link is not logged, because logs may be sent to a collector. */
const printLink = (url: string, token: Redacted.Redacted<string>) =>
  Effect.flatMap(linkTo(url, token), (link) =>
    Console.error(
      `\nOpen the dashboard with this link. It works once, within 10 minutes:\n\n  ${link}\n\n`
        + "`threeqpr dashboard` prints a new one.\n"
    ))
