import { Deferred, Effect, FileSystem, Scope } from "effect"
import { Duplex } from "node:stream"
import { acquire } from "../Process/FolderLock.ts"
import { restartsOf } from "../Process/Metrics.ts"
import { type EmbeddedPostgresFailed, type Running, start } from "./EmbeddedThread.ts"

/** Waits before an embedded Postgres that ended is started again, in milliseconds; the last one repeats. */
const waits = [1_000, 2_000, 5_000, 10_000, 30_000]

/** What has run this long does not count as having failed to start, in milliseconds. */
const steady = 60_000

const countRestart = restartsOf("database")

/**
 * Opens the embedded Postgres (PGlite) in a thread of its own until the scope ends. No other process can open its folder
 * meanwhile. It listens nowhere: `connect` gives streams for a client
 * in this process, and serves them one at a time. When it ends it is started again, and until then each connection fails
 * with the reason. What was committed survives a killed process, but not always a power cut, because PGlite never syncs
 * to the disk.
 */
export const open = Effect.fn("Embedded.open")(function*(folder: string) {
  yield* acquire(folder)
  const fs = yield* FileSystem.FileSystem
  // A folder that another user has given us stays as it is: the data in it have their own closed folder.
  yield* Effect.ignore(fs.chmod(folder, 0o700))
  const scope = yield* Effect.scope
  const opened = yield* Deferred.make<void, EmbeddedPostgresFailed>()
  let running: Running | undefined
  let absent = ""

  /** Runs it once; gives how it ended. Its scope is closed with ours, which waits for an orderly stop. */
  const run = Effect.gen(function*() {
    const own = yield* Scope.fork(scope)
    return yield* Effect.gen(function*() {
      running = yield* start(folder).pipe(Scope.provide(own))
      if (Deferred.isDoneUnsafe(opened)) {
        yield* Effect.logInfo(`The embedded Postgres in ${folder} runs again`)
      }
      yield* Deferred.succeed(opened, undefined)
      return yield* running.ended
    }).pipe(Effect.onExit((exit) => {
      running = undefined
      return Scope.close(own, exit)
    }))
  })

  const keepRunning = Effect.gen(function*() {
    for (let failures = 0;;) {
      const began = performance.now()
      const ended = yield* Effect.result(run)
      if (ended._tag === "Failure" && !Deferred.isDoneUnsafe(opened)) {
        return yield* Deferred.fail(opened, ended.failure)
      }
      failures = performance.now() - began > steady ? 1 : failures + 1
      const wait = waits[Math.min(failures, waits.length) - 1] ?? 0
      absent = oneLine(ended._tag === "Failure" ? ended.failure.message : endedIn(folder, ended.success))
      yield* Effect.logError(`${absent} It is started again in ${wait / 1_000} s`)
      yield* Effect.sleep(wait)
      countRestart()
    }
  })
  yield* Effect.forkScoped(keepRunning)
  yield* Deferred.await(opened)
  return { connect: (): Duplex => running?.connect() ?? new Absent(absent) }
})

/** A connection to a Postgres that does not run. */
class Absent extends Duplex {
  constructor(reason: string) {
    super()
    this.destroy(new Error(reason))
  }
}

const endedIn = (folder: string, reason: string) =>
  `The embedded Postgres in ${folder} ended: ${reason}. What was committed is kept, and deliveries are stored without it. `
  + "Check that its disk is not full."

const oneLine = (text: string) => text.replaceAll(/\s*\n\s*/g, " ")
