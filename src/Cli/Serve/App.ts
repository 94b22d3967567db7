/**
 * Room `Cli/Serve`: the wiring of `serve`.
 *
 * Promises: What starts last stops first. A failed start names its step and leaves no child process.
 *
 * May use: `Domain`, `Process`, `Signature`, `Nats`, `Database`, `EventLog`, `Ingress`, `Consumer`, `Projector`,
 * `Admin`.
 */
import { Clock, Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import process from "node:process"
import * as Admin from "../../Admin/Admin.ts"
import * as Counters from "../../Admin/Live/AllCounters.ts"
import { notListening } from "../../Admin/NotListening.ts"
import { Consumers } from "../../Consumer/Consumer.ts"
import { awayReason } from "../../Database/Away.ts"
import { Database } from "../../Database/Database.ts"
import * as Migrations from "../../Database/Migrations.ts"
import type { Role } from "../../Domain/Role.ts"
import * as Beside from "../../EventLog/Beside.ts"
import { DeadLetters } from "../../EventLog/DeadLetters.ts"
import * as ErasedIds from "../../EventLog/ErasedIds/Follow.ts"
import { EventLog } from "../../EventLog/EventLog.ts"
import { externalTarget, limitsOf } from "../../EventLog/External.ts"
import * as JetStream from "../../EventLog/JetStream.ts"
import { stream } from "../../EventLog/Names.ts"
import { PublicListener } from "../../Ingress/Http.ts"
import { Ingress } from "../../Ingress/Ingress.ts"
import * as Rejections from "../../Ingress/RecentRejections.ts"
import { Nats, type Target } from "../../Nats/Nats.ts"
import { NatsServer } from "../../Nats/Server.ts"
import type { AdminToken } from "../../Process/AdminToken.ts"
import type { Config } from "../../Process/Config.ts"
import { noteOf } from "../../Process/DiskSpace.ts"
import { messageOf } from "../../Process/Failure.ts"
import { ProcessHealth } from "../../Process/ProcessHealth.ts"
import { noteWhenStopped } from "../../Process/Stopping.ts"
import type { Projection } from "../../Projector/Projection.ts"
import { Projections, projections } from "../../Projector/Projections.ts"
import * as Projector from "../../Projector/Projector.ts"
import { AutoRebuild } from "../../Projector/Rebuild/StartRebuilds.ts"
import * as RetentionAgreement from "../../Projector/RetentionAgreement.ts"
import * as SignatureDoctor from "../../Signature/SignatureDoctor.ts"
import type { WebhookSecret } from "../../Signature/WebhookSecret.ts"
import { rotate } from "../../Signature/WebhookSecret/Rotation.ts"

/**
 * All layers of `serve`, for the given roles. They are built from the bottom up: broker, stream, database, projector,
 * listeners. They are closed from the top down, so that requests and batches in progress finish before the parts that
 * they need stop.
 */
export const layer = (
  config: Config,
  secret: WebhookSecret,
  active: ReadonlySet<Role>,
  adminToken: AdminToken | undefined,
  own: ReadonlyArray<Projection> = []
) => {
  const readModels = database(config)
  const settings = settingsOf(config, own)
  const projector = active.has("projector")
    ? Projector.layer([...projections, ...own]).pipe(
      Layer.provide(consumers),
      Layer.provide(readModels),
      Layer.provide(settings)
    )
    : active.has("admin")
    // Queries and erasures use the definitions too.
    ? Layer.effectDiscard(Projector.check(own)).pipe(Layer.provide(readModels))
    : Layer.empty
  const publicListener = active.has("ingress") ? ingress(config, secret) : Layer.empty
  const access = accessOf(config, adminToken)
  const privateListener = (active.has("admin")
    ? Admin.layer({ ...access, reconcile: reconcile(config) }).pipe(
      Layer.provide(Beside.layer),
      Layer.provide(consumers),
      Layer.provide(readModels),
      Layer.provide(settings)
    )
    : Admin.layerHealth(access)).pipe(
      Layer.catchTag(
        "ServeError",
        (error) => Layer.effect(HttpServer.HttpServer, Effect.fail(notListening(access, error)))
      )
    )
  const agreement = active.has("projector") || active.has("admin")
    ? RetentionAgreement.layer.pipe(Layer.provide(readModels), Layer.provide(settings))
    : Layer.empty
  // The database opens while the broker starts. Neither needs the other, and together they take most of the start.
  const engines = active.has("projector") || active.has("admin")
    ? Layer.merge(log(config), Layer.effectDiscard(Effect.void).pipe(Layer.provide(readModels)))
    : log(config)
  return Layer.mergeAll(publicListener, privateListener, Layer.effectDiscard(Counters.answer(active))).pipe(
    Layer.provide(noteWhenStopped("requests in progress")),
    Layer.provide(projector),
    Layer.provide(agreement),
    Layer.provide(noteWhenStopped("batches of projections")),
    Layer.provide(engines),
    Layer.provideMerge(ProcessHealth.layer)
  )
}

/** Who may use the private listener, and under which address. */
const accessOf = (config: Config, adminToken: AdminToken | undefined) => ({
  host: config.adminHost,
  port: config.adminPort,
  token: adminToken?.token,
  // Print the link on a terminal only: a log that is kept could be read by other users.
  printsLink: adminToken?.file !== undefined && process.stderr.isTTY,
  readToken: config.adminReadToken,
  allowedHosts: config.adminAllowedHosts
})

/** What the projector and the private listener take from the settings. */
const settingsOf = ({ autoRebuild, rowRetention }: Config, own: ReadonlyArray<Projection>) =>
  Layer.mergeAll(
    Layer.succeed(RetentionAgreement.RowRetention, rowRetention.millis),
    Layer.succeed(AutoRebuild, autoRebuild),
    Layer.succeed(Projections, [...projections, ...own])
  )

const ingress = (config: Config, secret: WebhookSecret) =>
  Layer.unwrap(Effect.gen(function*() {
    const { secrets, verify } = yield* rotate(secret)
    const clock = yield* Clock.Clock
    const known = () => SignatureDoctor.labelled(secrets(), clock.currentTimeMillisUnsafe())
    return Layer.effectDiscard(
      Effect.flatMap(PublicListener, ({ rejections }) => Rejections.answer(rejections, known))
    ).pipe(
      Layer.provideMerge(PublicListener.layer(config)),
      Layer.provide(Ingress.layer(verify)),
      Layer.provide(ErasedIds.layer)
    )
  }))

const reconcile = ({ apiKey, apiUrl, reconcileEvery }: Config) =>
  apiKey && { url: apiUrl, key: apiKey, every: reconcileEvery }

const consumers = Consumers.layer.pipe(Layer.provideMerge(DeadLetters.layerMoving))

/** The database, after its migrations. */
const database = (config: Config) =>
  Layer.effectDiscard(Effect.gen(function*() {
    const { describe, ping } = yield* Database
    const vitals = yield* ProcessHealth
    yield* vitals.watch(
      "database",
      Effect.as(ping, undefined).pipe(Effect.catch((error) => awayReason(config, messageOf(error))))
    )
    yield* Effect.logInfo(`database: ${describe}`)
  })).pipe(
    Layer.provideMerge(Migrations.layer),
    Layer.provideMerge(Database.layer({ url: config.databaseUrl, dataDir: config.dataDir }))
  )

/** The event log on the configured broker, or else on the embedded one. */
const log = (config: Config) =>
  config.natsUrl === undefined
    ? Layer.unwrap(Effect.map(NatsServer, (server) =>
      eventLog(
        config,
        { servers: [server.url], token: server.token, limits: limitsOf(config) },
        { syncsBeforeAck: server.syncsBeforeAck, explain: noteOf(config.dataDir) }
      ))).pipe(
        Layer.provide(
          NatsServer.layer({
            dataDir: config.dataDir,
            binary: config.natsServerBinary,
            watchedStream: stream
          })
        )
      )
    : eventLog(config, externalTarget(config, config.natsUrl), {})

const eventLog = (
  config: Config,
  broker: Target,
  engine: Pick<JetStream.JetStreamOptions, "syncsBeforeAck" | "explain">
) =>
  Layer.effectDiscard(Effect.gen(function*() {
    const { durability, health } = yield* EventLog
    const vitals = yield* ProcessHealth
    yield* vitals.watch("event log", Effect.map(health, (health) => health.ready ? undefined : health.reason))
    yield* Effect.logInfo(durability)
  })).pipe(
    Layer.provideMerge(JetStream.layer({
      dedupWindow: config.dedupWindow,
      retention: config.retention.millis,
      replicas: config.replicas,
      ...engine
    })),
    Layer.provideMerge(Nats.layer(broker)),
    Layer.provideMerge(Layer.succeed(Beside.LogTarget, broker))
  )
