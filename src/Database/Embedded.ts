import { Deferred, Effect, FileSystem, Scope } from "effect"
import { Duplex } from "node:stream"
import { acquire } from "../Process/FolderLock.ts"
import { restartsOf } from "../Process/Metrics.ts"
import { monotonicMillis } from "../Process/Monotonic.ts"
import { type EmbeddedPostgresFailed, type Running, start } from "./EmbeddedThread.ts"

/** Delays before an embedded Postgres that ended is restarted, in milliseconds. The last one repeats. */
const waits = [1_000, 2_000, 5_000, 10_000, 30_000]

/** A run longer than this counts as a successful start, in milliseconds. */
const steady = 60_000

const countRestart = restartsOf("database")

/**
 * Opens the embedded Postgres (PGlite) in a separate thread until the scope ends. During that time, no other process
 * can open its folder. It does not listen on the network: `connect` returns streams for a client in this process, and
 * they are served one at a time. If it ends, it is restarted; until then each connection fails with the reason.
 * Committed data survives a killed process, but not always a power cut, because PGlite never syncs to disk.
 */
export const open = Effect.fn("Embedded.open")(function*(folder: string) {
  yield* acquire(folder)
  const fs = yield* FileSystem.FileSystem
  // Fails for a folder that another user owns. That is safe, because the data is in a private subfolder.
  yield* Effect.ignore(fs.chmod(folder, 0o700))
  const scope = yield* Effect.scope
  const opened = yield* Deferred.make<void, EmbeddedPostgresFailed>()
  let running: Running | undefined
  let absent = ""

  /** Runs it once, and returns how it ended. Its scope is a child of the outer one, which waits for an orderly stop. */
  const run = Effect.gen(function*() {
    const own = yield* Scope.fork(scope)
    return yield* Effect.gen(function*() {
      running = yield* start(folder).pipe(Scope.provide(own))
      if (Deferred.isDoneUnsafe(opened)) {
        yield* Effect.logInfo(`The embedded Postgres in ${folder} is running again`)
      }
      yield* Deferred.succeed(opened, undefined)
      absent = oneLine(endedIn(folder, yield* running.ended))
      return absent
    }).pipe(Effect.onExit((exit) => {
      running = undefined
      return Scope.close(own, exit)
    }))
  })

  const keepRunning = Effect.gen(function*() {
    for (let failures = 0;;) {
      const began = yield* monotonicMillis
      const ended = yield* Effect.result(run)
      if (ended._tag === "Failure" && !Deferred.isDoneUnsafe(opened)) {
        return yield* Deferred.fail(opened, ended.failure)
      }
      failures = (yield* monotonicMillis) - began > steady ? 1 : failures + 1
      const wait = waits[Math.min(failures, waits.length) - 1] ?? 0
      absent = ended._tag === "Failure" ? oneLine(ended.failure.message) : ended.success
      yield* Effect.logError(`${absent} It is restarted in ${wait / 1_000} s`)
      yield* Effect.sleep(wait)
      countRestart()
    }
  })
  yield* Effect.forkScoped(keepRunning)
  yield* Deferred.await(opened)
  return { connect: (): Duplex => running?.connect() ?? new Absent(absent) }
})

/** A connection to a Postgres that is not running. */
class Absent extends Duplex {
  constructor(reason: string) {
    super()
    this.destroy(new Error(reason))
  }
}

const endedIn = (folder: string, reason: string) =>
  `The embedded Postgres in ${folder} ended: ${reason}. Committed data is kept, and deliveries are stored without it. `
  + "Check that its disk is not full."

const oneLine = (text: string) => text.replaceAll(/\s*\n\s*/g, " ")
