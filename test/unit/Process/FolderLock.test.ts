// Runs: long

import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import {
  Deferred,
  Effect,
  Exit,
  Fiber,
  FileSystem,
  Layer,
  Logger,
  Path,
  type PlatformError,
  Result,
  Schema,
  Scope
} from "effect"
import { TestClock } from "effect/testing"
import { setImmediate } from "node:timers/promises"
import { acquire, FolderLocked } from "../../../src/Process/FolderLock.ts"
import { Holder, self } from "../../../src/Process/FolderLock/Holder.ts"
import * as Script from "../../support/Script.ts"

const newFolder = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  return path.join(yield* fs.makeTempDirectoryScoped({ prefix: "threeqpr-lock-" }), "data")
})

/** A folder with a lock file of this process, with the given fields changed. */
const folderHeldBy = Effect.fnUntraced(function*(change: Partial<Holder>) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* newFolder
  yield* fs.makeDirectory(folder)
  const holder = Schema.encodeSync(Holder)({ ...(yield* self), ...change })
  yield* fs.writeFileString(`${folder}/lock`, holder)
  return folder
})

const holderOf = (folder: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(`${folder}/lock`)).pipe(
    Effect.map(Schema.decodeSync(Holder))
  )

const filesIn = (folder: string) => Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readDirectory(folder))

const deadPid = Effect.scoped(Effect.gen(function*() {
  const script = yield* Script.start("lock-folder", yield* newFolder)
  yield* script.line
  yield* script.kill
  return script.pid
}))

/** Runs an effect on the test clock, and `everySecond` once a second until it ends. */
const letTimePass = Effect.fnUntraced(function*<A, E, R, R2>(
  effect: Effect.Effect<A, E, R>,
  everySecond: Effect.Effect<void, PlatformError.PlatformError, R2>
) {
  const fiber = yield* Effect.forkChild(effect)
  yield* Effect.yieldNow.pipe(
    Effect.andThen(Effect.promise(() => setImmediate())),
    Effect.andThen(everySecond),
    Effect.andThen(TestClock.adjust("1 second")),
    Effect.repeat({ until: () => fiber.pollUnsafe() !== undefined })
  )
  return yield* Fiber.join(fiber)
})

const services = Layer.merge(NodeServices.layer, Logger.layer([]))

const test = <E>(title: string, body: Effect.Effect<void, E, Scope.Scope | Layer.Success<typeof services>>) =>
  it.live(title, () => body.pipe(Effect.provide(services)))

describe("FolderLock", () => {
  test(
    "creates a missing folder, locks it until the scope ends, and leaves no file behind",
    Effect.gen(function*() {
      const folder = yield* newFolder
      yield* Effect.scoped(Effect.gen(function*() {
        yield* acquire(folder)
        assert.strictEqual((yield* holderOf(folder)).pid, process.pid)
      }))
      assert.deepStrictEqual(yield* filesIn(folder), [])
    })
  )

  test(
    "refuses a second lock of the same process, with the folder, the pid and a remedy",
    Effect.gen(function*() {
      const folder = yield* newFolder
      yield* acquire(folder)
      const error = yield* Effect.flip(acquire(folder))
      assert.instanceOf(error, FolderLocked)
      assert.strictEqual(error.pid, process.pid)
      assert.include(error.message, folder)
      assert.include(error.message, String(process.pid))
      assert.include(error.message, "DATA_DIR")
      assert.deepStrictEqual(yield* filesIn(folder), ["lock"])
    })
  )

  test(
    "refuses while another process runs, and takes over after it is killed",
    Effect.gen(function*() {
      const folder = yield* newFolder
      const other = yield* Script.start("lock-folder", folder)
      assert.strictEqual(yield* other.line, "held")
      const error = yield* Effect.flip(acquire(folder))
      assert.instanceOf(error, FolderLocked)
      assert.strictEqual(error.pid, other.pid)
      yield* other.kill
      yield* acquire(folder)
      assert.strictEqual((yield* holderOf(folder)).pid, process.pid)
      assert.deepStrictEqual(yield* filesIn(folder), ["lock"])
    })
  )

  test(
    "takes over from a pid that no longer exists",
    Effect.gen(function*() {
      const folder = yield* folderHeldBy({ pid: yield* deadPid })
      yield* acquire(folder)
      assert.strictEqual((yield* holderOf(folder)).pid, process.pid)
    })
  )

  if (process.platform === "linux") {
    test(
      "takes over from a pid that now belongs to another process",
      Effect.gen(function*() {
        yield* acquire(yield* folderHeldBy({ startedAt: "1" }))
      })
    )
  }

  test(
    "takes over an unreadable lock file",
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* newFolder
      yield* fs.makeDirectory(folder)
      yield* fs.writeFileString(`${folder}/lock`, "")
      yield* acquire(folder)
      assert.strictEqual((yield* holderOf(folder)).pid, process.pid)
    })
  )

  it.effect("refuses as long as a holder in another container touches its file", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* folderHeldBy({ space: "another container", host: "elsewhere" })
      let seconds = 0
      const touch = Effect.suspend(() => fs.utimes(`${folder}/lock`, ++seconds, seconds))
      const error = yield* Effect.flip(letTimePass(acquire(folder), touch))
      assert.instanceOf(error, FolderLocked)
      assert.include(error.message, "elsewhere")
    }).pipe(Effect.provide(services)))

  it.effect("takes over from a holder in another container that no longer touches its file", () =>
    Effect.gen(function*() {
      const folder = yield* folderHeldBy({ space: "another container" })
      yield* letTimePass(acquire(folder), Effect.void)
      assert.strictEqual((yield* holderOf(folder)).pid, process.pid)
    }).pipe(Effect.provide(services)))

  test(
    "keeps the lock file on release when another process owns it",
    Effect.gen(function*() {
      const folder = yield* newFolder
      const scope = yield* Scope.make()
      yield* acquire(folder).pipe(Scope.provide(scope))
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(
        `${folder}/lock`,
        Schema.encodeSync(Holder)({ ...(yield* self), id: "successor" })
      )
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* holderOf(folder)).id, "successor")
    })
  )

  test(
    "refuses a process that found a dead holder when another process took over meanwhile",
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* folderHeldBy({ pid: yield* deadPid })
      const found = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      const slow: FileSystem.FileSystem = {
        ...fs,
        link: (from, to) =>
          to.includes(".after-")
            ? Effect.andThen(Deferred.succeed(found, undefined), Deferred.await(goOn)).pipe(
              Effect.andThen(fs.link(from, to))
            )
            : fs.link(from, to)
      }
      const late = yield* Effect.forkChild(
        Effect.result(acquire(folder).pipe(Effect.provideService(FileSystem.FileSystem, slow)))
      )
      yield* Deferred.await(found)
      yield* acquire(folder)
      const { id } = yield* holderOf(folder)
      yield* Deferred.succeed(goOn, undefined)
      const outcome = yield* Fiber.join(late)
      assert.isTrue(Result.isFailure(outcome), "two took over")
      if (Result.isFailure(outcome)) assert.instanceOf(outcome.failure, FolderLocked)
      assert.strictEqual((yield* holderOf(folder)).id, id)
      assert.deepStrictEqual(yield* filesIn(folder), ["lock"])
    })
  )

  const races = {
    "a free folder": () => newFolder,
    "a folder with a dead holder": (pid: number) => folderHeldBy({ pid })
  }
  for (const [what, newRace] of Object.entries(races)) {
    test(
      `gives ${what} to exactly one of 50 acquirers of one process, 20 times over`,
      Effect.gen(function*() {
        const pid = yield* deadPid
        for (let round = 0; round < 20; round++) {
          const folder = yield* newRace(pid)
          const scope = yield* Scope.make()
          const results = yield* Effect.all(
            Array.from({ length: 50 }, () => Effect.result(acquire(folder).pipe(Scope.provide(scope)))),
            { concurrency: "unbounded" }
          )
          assert.strictEqual(results.filter(Result.isSuccess).length, 1)
          yield* Scope.close(scope, Exit.void)
          assert.deepStrictEqual(yield* filesIn(folder), [])
        }
      })
    )

    test(
      `gives ${what} to exactly one of 8 processes`,
      Effect.gen(function*() {
        const folder = yield* newRace(yield* deadPid)
        const scripts = yield* Effect.all(
          Array.from({ length: 8 }, () => Script.start("lock-folder", folder)),
          {
            concurrency: "unbounded"
          }
        )
        const lines = yield* Effect.all(scripts.map((script) => script.line), { concurrency: "unbounded" })
        assert.strictEqual(lines.filter((line) => line === "held").length, 1)
        assert.deepStrictEqual(yield* filesIn(folder), ["lock"])
      })
    )
  }

  test(
    "can be interrupted while it observes a holder in another container",
    Effect.gen(function*() {
      const folder = yield* folderHeldBy({ space: "another container" })
      const waiting = yield* Effect.forkChild(acquire(folder))
      const fs = yield* FileSystem.FileSystem
      yield* fs.readDirectory(folder).pipe(Effect.repeat({ until: (files) => files.length > 1 }))
      yield* Fiber.interrupt(waiting)
      assert.deepStrictEqual(yield* filesIn(folder), ["lock"])
    })
  )
})
