import {
  Cause,
  Context,
  Effect,
  Fiber,
  FileSystem,
  Layer,
  Option,
  Redacted,
  Schedule,
  Schema,
  SemVer
} from "effect"
import { connect } from "nats"
import { randomBytes } from "node:crypto"
import { noteOf } from "../Process/DiskSpace.ts"
import { restartsOf } from "../Process/Metrics.ts"
import { findOrInstall } from "./Install.ts"
import type { Binary } from "./Install/Binary.ts"
import { official } from "./Install/Release.ts"
import * as Connection from "./Server/Connection.ts"
import { fileStoreLimit } from "./Server/Disk.ts"
import * as Folder from "./Server/Folder.ts"
import * as Guard from "./Server/Guard.ts"
import { freePort } from "./Server/Port.ts"
import * as Process from "./Server/Process.ts"
import { render } from "./Server/ServerConfig.ts"
import { restart } from "./Server/Supervisor.ts"
import { longestSilence, untilSilent } from "./Server/Watch.ts"

export interface NatsServerOptions {
  /** Data folder. The broker uses its subfolder `nats`. */
  readonly dataDir: string
  /** Path of nats-server (NATS_SERVER_BIN). If undefined, one is found or downloaded. */
  readonly binary?: string | undefined
  readonly cacheDir?: string | undefined
  /** URL of a mirror of the official releases. Archives with a pinned checksum must match it. */
  readonly releaseUrl?: string | undefined
  /** How long the broker may fail to reply before it is restarted, in milliseconds; 30 seconds if undefined. */
  readonly longestSilence?: number | undefined
  /** The stream to request when the running broker is checked. If undefined, the JetStream account is requested. */
  readonly watchedStream?: string | undefined
}

/** The broker could not be started. No process is left running. */
export class NatsServerFailed
  extends Schema.TaggedError<NatsServerFailed>()("NatsServerFailed", { message: Schema.String })
{}

/**
 * The embedded broker: a nats-server with JetStream as a child process, on 127.0.0.1 only. If it ends or does not
 * reply for 30 seconds, it is restarted with the same port, token and data. It ends with this process, even if this
 * process is killed.
 */
export class NatsServer extends Context.Service<NatsServer, {
  readonly url: string
  readonly token: Redacted.Redacted<string>
  readonly version: string
  readonly binary: { readonly path: string; readonly origin: string }
  /** Whether an acknowledged message survives a power cut. This requires nats-server 2.10. */
  readonly syncsBeforeAck: boolean
  /** Process id of nats-server. Undefined during a restart. */
  readonly pid: Effect.Effect<number | undefined>
}>()("threeqpr-events/Nats/Server") {
  /** Completes when the broker replies and JetStream is enabled. */
  static readonly layer = (options: NatsServerOptions) => Layer.effect(NatsServer, make(options))
}

const make = Effect.fnUntraced(
  function*(options: NatsServerOptions) {
    const folder = yield* Folder.open(options.dataDir)
    yield* endLeftover(folder)
    const binary = yield* findOrInstall({
      binary: options.binary,
      cacheDir: options.cacheDir,
      release: options.releaseUrl === undefined ? undefined : { ...official, url: options.releaseUrl }
    })
    const port = yield* freePort
    const token = Redacted.make(randomBytes(32).toString("hex"))
    const syncsBeforeAck = !SemVer.isLessThan(
      SemVer.parseUnsafe(binary.version),
      SemVer.parseUnsafe("2.10.0")
    )
    const maxFileStore = yield* fileStoreLimit(folder.storeFolder)
    yield* Folder.writePrivately(
      folder.configFile,
      render({ folder, port, token, syncsBeforeAck, maxFileStore })
    )
    const connection = { url: `nats://127.0.0.1:${port}`, token, version: binary.version }
    const pid = yield* keepRunning(folder, binary, connection, options)
    yield* Effect.logInfo(`The embedded broker listens on ${connection.url}: ${binary.origin}`)
    return NatsServer.of({ ...connection, binary, syncsBeforeAck, pid })
  },
  Effect.catchTag("PlatformError", (error) =>
    new NatsServerFailed({
      message:
        `The embedded broker cannot use its folder: ${error.message}. Check the permissions and the free `
        + "space there, or name another data folder (DATA_DIR)."
    }))
)

const endLeftover = Effect.fnUntraced(function*(folder: Folder.Folder) {
  const leftover = yield* Connection.runningIn(folder)
  if (Option.isNone(leftover)) return
  const { pid } = leftover.value
  yield* Effect.logWarning(
    `Ending nats-server ${pid}, which a killed process left running in ${folder.folder}`
  )
  yield* Process.end(pid, folder.configFile)
})

/** Starts the broker, waits until it is ready, and restarts it whenever it ends. Returns its pid. */
const keepRunning = Effect.fnUntraced(
  function*(
    folder: Folder.Folder,
    binary: Binary,
    connection: Omit<Connection.Connection, "pid">,
    options: Pick<NatsServerOptions, "longestSilence" | "watchedStream">
  ) {
    const fs = yield* FileSystem.FileSystem
    let pid: number | undefined
    const run = Effect.gen(function*() {
      const child = yield* Guard.start(binary.path, folder.configFile)
      yield* Effect.acquireRelease(
        Effect.sync(() => void (pid = child.pid)),
        () => Effect.sync(() => void (pid = undefined))
      )
      // The broker must run even if a full disk prevents this write.
      yield* Connection.write(folder, new Connection.Connection({ ...connection, pid: child.pid })).pipe(
        Effect.catch((error) =>
          Effect.logWarning(`${folder.connectionFile} is out of date: ${error.message}`)
        )
      )
      return yield* Effect.raceFirst(child.ended, endWhenSilent(child.pid, folder, connection, options))
    }).pipe(Effect.scoped, Effect.catchCause((cause) => Effect.succeed(String(Cause.squash(cause)))))

    yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(folder.connectionFile, { force: true })))
    const first = yield* Effect.forkScoped(run)
    const endedEarly = Effect.flatMap(Fiber.join(first), (how) => failed(folder, `it ended (${how})`))
    yield* Effect.raceFirst(ready(folder, connection), endedEarly)
    const again = Effect.andThen(Effect.sync(countRestart), run)
    yield* Effect.forkScoped(restart(`nats-server (log: ${folder.logFile})`, Fiber.join(first), again))
    return Effect.sync(() => pid)
  }
)

const countRestart = restartsOf("broker")

/**
 * Ends a broker that runs but does not reply. It never completes itself: the caller waits for the end of the process.
 */
const endWhenSilent = Effect.fnUntraced(function*(
  pid: number,
  folder: Folder.Folder,
  connection: Pick<Connection.Connection, "url" | "token">,
  options: Pick<NatsServerOptions, "longestSilence" | "watchedStream">
) {
  const lasted = yield* untilSilent(
    { ...connection, stream: options.watchedStream },
    options.longestSilence ?? longestSilence
  )
  const note = yield* noteOf(folder.folder)
  yield* Effect.logError(
    `nats-server ${pid} is running but has not answered for ${(lasted / 1_000).toFixed(0)} s${
      note === undefined ? "" : `; ${note}`
    }. It is restarted; acknowledged messages are kept. Its log is ${folder.logFile}`
  )
  yield* Process.end(pid, folder.configFile)
  return yield* Effect.never
})

const ready = (folder: Folder.Folder, connection: Pick<Connection.Connection, "url" | "token">) =>
  Effect.tryPromise(async () => {
    const client = await connect({
      servers: connection.url,
      token: Redacted.value(connection.token),
      reconnect: false,
      timeout: 5_000
    })
    try {
      const manager = await client.jetstreamManager({ checkAPI: false })
      await manager.getAccountInfo()
    } finally {
      await client.close()
    }
  }).pipe(
    Effect.retry(Schedule.spaced("20 millis")),
    Effect.raceFirst(
      Effect.logInfo(`Still waiting for the broker to read its store in ${folder.storeFolder}`).pipe(
        Effect.delay("5 seconds"),
        Effect.andThen(Effect.never)
      )
    ),
    Effect.timeoutOrElse({
      duration: "2 minutes",
      orElse: () => failed(folder, "no answer within 2 minutes")
    })
  )

const failed = Effect.fnUntraced(function*(folder: Folder.Folder, why: string) {
  const fs = yield* FileSystem.FileSystem
  const log = yield* fs.readFileString(folder.logFile).pipe(Effect.orElseSucceed(() => ""))
  return yield* new NatsServerFailed({
    message: `The embedded broker did not start: ${why}. Its log ${folder.logFile} ends with:\n`
      + `${log.trim().split("\n").slice(-10).join("\n")}\n`
      + "What to do: fix the reported error, name another nats-server with NATS_SERVER_BIN, or use your own "
      + "your own with NATS_URL."
  })
})
