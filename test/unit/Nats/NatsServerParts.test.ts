import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, FileSystem } from "effect"
import { TestClock } from "effect/testing"
import { fileStoreLimit } from "../../../src/Nats/Server/Disk.ts"
import { restart } from "../../../src/Nats/Server/Supervisor.ts"
import { test } from "../../support/Live.ts"

describe("restarting the broker", () => {
  it.effect("waits 100 ms, doubles the wait up to 5 s, and waits 100 ms again after a long run", () =>
    Effect.gen(function*() {
      const starts: Array<number> = []
      const run = Effect.gen(function*() {
        starts.push(yield* Clock.currentTimeMillis)
        if (starts.length === 9) yield* Effect.sleep("31 seconds")
        return "exit code 1"
      })
      yield* Effect.forkChild(restart("the broker", run, run))
      yield* TestClock.adjust("1 minute")
      const waits = starts.slice(1, 11).map((start, index) => start - (starts[index] ?? 0))
      assert.deepStrictEqual(waits, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 31_100, 200])
    }))
})

describe("the limit of the broker's store", () => {
  test(
    "includes the size of the existing store",
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const dataDir = yield* fs.makeTempDirectoryScoped({ prefix: "threeqpr-disk-" })
      const store = `${dataDir}/jetstream`
      const free = yield* fileStoreLimit(store)
      assert.isAbove(free, 1)
      yield* fs.makeDirectory(`${store}/streams`, { recursive: true })
      yield* fs.writeFile(`${store}/streams/1.blk`, new Uint8Array())
      // A sparse file counts with its size, and takes no space on the disk.
      const sparse = 2 ** 40
      yield* fs.truncate(`${store}/streams/1.blk`, sparse)
      assert.isAbove(yield* fileStoreLimit(store), sparse + free / 2)
    })
  )
})
