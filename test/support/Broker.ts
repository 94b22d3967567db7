import { NodeServices } from "@effect/platform-node"
import { Context, Effect, FileSystem, Layer, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import { connect } from "nats"
import process from "node:process"
import { NatsServer } from "../../src/Nats/Server.ts"

/** The platform services that the embedded broker needs. */
export const platform = Layer.merge(NodeServices.layer, FetchHttpClient.layer)

/** The nats-server for the tests. When undefined, the program finds or installs one. */
export const binary = process.env["NATS_SERVER_BIN"] || undefined

/** A temporary data folder, removed when the scope closes. */
export const newDataDir = Effect.flatMap(
  FileSystem.FileSystem,
  (fs) => fs.makeTempDirectoryScoped({ prefix: "threeqpr-broker-" })
)

/** An embedded broker in its own temporary data folder. */
export const layer = Layer.unwrap(
  Effect.map(newDataDir, (dataDir) => NatsServer.layer({ dataDir, binary }))
).pipe(Layer.provide(platform))

/** The embedded broker of a data folder, until the scope ends. */
export const start = (dataDir: string, nats = binary) =>
  Layer.build(NatsServer.layer({ dataDir, binary: nats })).pipe(
    Effect.map((context) => Context.get(context, NatsServer))
  )

/** A connection that waits for the broker, and reconnects without a limit. */
export const client = (broker: Pick<NatsServer["Service"], "url" | "token">) =>
  Effect.acquireRelease(
    Effect.promise(() =>
      connect({
        servers: broker.url,
        token: Redacted.value(broker.token),
        waitOnFirstConnect: true,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 50
      })
    ),
    (connection) => Effect.promise(() => connection.close())
  )
