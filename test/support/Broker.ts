import { NodeServices } from "@effect/platform-node"
import { Context, Effect, FileSystem, Layer, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import { connect } from "nats"
import process from "node:process"
import { NatsServer } from "../../src/Nats/Server.ts"

/** What the embedded broker needs of the runtime. */
export const platform = Layer.merge(NodeServices.layer, FetchHttpClient.layer)

/** The nats-server that the tests are to run on; whichever is found when undefined. */
export const binary = process.env["NATS_SERVER_BIN"] || undefined

/** A data folder that goes with the scope. */
export const newDataDir = Effect.flatMap(
  FileSystem.FileSystem,
  (fs) => fs.makeTempDirectoryScoped({ prefix: "threeqpr-broker-" })
)

/** An embedded broker in a data folder of its own, which goes with it. */
export const layer = Layer.unwrap(
  Effect.map(newDataDir, (dataDir) => NatsServer.layer({ dataDir, binary }))
).pipe(Layer.provide(platform))

/** The embedded broker of a data folder, until the scope ends. */
export const start = (dataDir: string, nats = binary) =>
  Layer.build(NatsServer.layer({ dataDir, binary: nats })).pipe(
    Effect.map((context) => Context.get(context, NatsServer))
  )

/** A connection that waits for the broker and comes back to it. */
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
