import { Effect, FileSystem, Option, Schema } from "effect"
import { type Folder, folderOf, writePrivately } from "./Folder.ts"
import { isRunning } from "./Process.ts"

/** How to reach a running embedded broker. */
export class Connection extends Schema.Class<Connection>("Connection")({
  url: Schema.String,
  token: Schema.RedactedFromValue(Schema.String),
  pid: Schema.Int,
  /** Version of nats-server, such as 2.14.5. */
  version: Schema.String
}) {}

/** No embedded broker runs in the data folder. */
export class NoBrokerRunning
  extends Schema.TaggedError<NoBrokerRunning>()("NoBrokerRunning", { message: Schema.String })
{}

const Json = Schema.fromJsonString(Connection)

/** The connection to the embedded broker that runs in a data folder, started by any process. */
export const readConnection = Effect.fn("Connection.read")(function*(dataDir: string) {
  const folder = yield* folderOf(dataDir)
  const found = yield* runningIn(folder)
  return yield* Effect.fromOption(found).pipe(
    Effect.mapError(() =>
      new NoBrokerRunning({
        message:
          `No embedded broker is running in ${folder.folder}. Start one with "threeqpr serve", or name the `
          + "data folder of the running broker (DATA_DIR)."
      })
    )
  )
})

/** The connection recorded in the file, if its broker is still running. */
export const runningIn = Effect.fnUntraced(function*(folder: Folder) {
  const fs = yield* FileSystem.FileSystem
  const found = yield* fs.readFileString(folder.connectionFile).pipe(
    Effect.flatMap(Schema.decodeEffect(Json)),
    Effect.option
  )
  if (Option.isNone(found)) return found
  return (yield* isRunning(found.value.pid, folder.configFile)) ? found : Option.none()
})

export const write = (folder: Folder, connection: Connection) =>
  Schema.encodeEffect(Json)(connection).pipe(
    Effect.orDie,
    Effect.flatMap((text) => writePrivately(folder.connectionFile, text))
  )
