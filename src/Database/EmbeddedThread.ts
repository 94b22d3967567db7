import { Deferred, Effect, Path, Schema } from "effect"
import { extname } from "node:path"
import { Duplex } from "node:stream"
import { Worker } from "node:worker_threads"
import type { Sent } from "./PgliteConnections.ts"
import type { FromWorker, ToWorker } from "./PgliteWorker.ts"

/** The embedded Postgres could not open its folder. */
export class EmbeddedPostgresFailed
  extends Schema.TaggedError<EmbeddedPostgresFailed>()("EmbeddedPostgresFailed", {
    folder: Schema.String,
    message: Schema.String
  })
{}

/** An open embedded Postgres. */
export interface Running {
  readonly connect: () => Duplex
  /** Completes with the reason when Postgres ends, unless the scope has ended before. */
  readonly ended: Effect.Effect<string>
}

/** Opens a folder in a separate thread until the scope ends. */
export const start = Effect.fn("EmbeddedThread.start")(function*(folder: string) {
  const path = yield* Path.Path
  const started = yield* Deferred.make<void, EmbeddedPostgresFailed>()
  const ended = yield* Deferred.make<string>()
  const exited = yield* Deferred.make<void>()
  const log = Effect.runForkWith(yield* Effect.context())
  let stopping = false
  const worker = yield* Effect.acquireRelease(
    Effect.sync(() => startWorker(path.resolve(folder))),
    (worker) => {
      stopping = true
      if (Deferred.isDoneUnsafe(ended)) return untilExit(worker, Deferred.await(exited))
      return Deferred.isDoneUnsafe(started)
        ? stop(worker, Deferred.await(exited))
        : Effect.promise(() => worker.terminate())
    }
  )
  const connections = new Map<number, Connection>()
  const onEnd = (reason: string) => {
    if (stopping) return
    Deferred.doneUnsafe(ended, Effect.succeed(reason))
    Deferred.doneUnsafe(started, Effect.fail(failedIn(folder, reason)))
    for (const connection of connections.values()) connection.destroy(new Error(`Postgres ended: ${reason}`))
  }
  worker.on("error", (error) => onEnd(String(error)))
  worker.on("exit", (code) => {
    onEnd(`its thread ended with code ${code}`)
    Deferred.doneUnsafe(exited, Effect.void)
  })
  worker.on("message", (message: FromWorker) => {
    switch (message.type) {
      case "ready":
        return Deferred.doneUnsafe(started, Effect.void)
      case "warning":
        return void log(Effect.logWarning(message.text))
      case "died":
        return onEnd(message.reason)
      default:
        return connections.get(message.connection)?.receive(message)
    }
  })
  yield* Deferred.await(started)
  const connect = () => {
    const connection = openConnection(worker, connections)
    return Deferred.isDoneUnsafe(ended) ? connection.destroy(new Error("Postgres ended")) : connection
  }
  return { connect, ended: Deferred.await(ended) } satisfies Running
})

/** Asks the thread to close its folder, and waits until it has ended. */
const stop = (worker: Worker, exited: Effect.Effect<void>) => {
  tell(worker, { type: "stop" })
  return untilExit(worker, exited)
}

/**
 * Waits until a thread has ended by itself, and ends it after 5 seconds. On Deno 2.9.6, `terminate` during its exit can
 * make the thread run without an end.
 */
const untilExit = (worker: Worker, exited: Effect.Effect<void>) =>
  Effect.interruptible(exited).pipe(
    Effect.timeoutOrElse({
      duration: "5 seconds",
      orElse: () => Effect.promise(() => worker.terminate())
    })
  )

const startWorker = (folder: string) =>
  // The worker is next to this file in the sources, and next to this chunk in the bundle.
  new Worker(new URL(`PgliteWorker${extname(import.meta.url)}`, import.meta.url), {
    workerData: { folder },
    execArgv: [],
    // With the default stack of 4 MB, about 6,000 nested JSON arrays crash Postgres. Deno ignores this option.
    resourceLimits: { stackSizeMb: 16 }
  })

const tell = (worker: Worker, message: ToWorker) =>
  worker.postMessage(message, message.type === "bytes" ? [message.bytes] : [])

/** Opens a connection, which is in the map until it closes. */
const openConnection = (worker: Worker, connections: Map<number, Connection>) => {
  const connection = new Connection(worker)
  connections.set(connection.id, connection)
  connection.once("close", () => connections.delete(connection.id))
  return connection
}

/** One connection to Postgres, as the stream that a client reads and writes. */
class Connection extends Duplex {
  static #count = 0
  readonly id = ++Connection.#count
  readonly worker: Worker

  constructor(worker: Worker) {
    super()
    this.worker = worker
  }

  receive(message: Sent) {
    if (message.type === "bytes") this.push(new Uint8Array(message.bytes))
    else this.destroy()
  }

  override _read() {}

  override _write(chunk: Uint8Array, _encoding: string, done: () => void) {
    // Copied, because the chunk can be a part of a larger buffer, which would be transferred as a whole.
    tell(this.worker, { type: "bytes", connection: this.id, bytes: new Uint8Array(chunk).buffer })
    done()
  }

  override _final(done: () => void) {
    done()
    this.destroy()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void) {
    tell(this.worker, { type: "end", connection: this.id })
    done(error)
  }
}

const failedIn = (folder: string, reason: string) =>
  new EmbeddedPostgresFailed({
    folder,
    message: `The embedded Postgres cannot open its folder ${folder}: ${reason}\n`
      + "Check that the folder is writable and its disk is not full. If the data in it is damaged, move "
      + "the folder away and rebuild the read models from the event log. Or set DATABASE_URL to use "
      + "your own Postgres."
  })
