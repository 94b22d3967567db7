import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { tmpdir } from "node:os"
import process from "node:process"
import { noteOf } from "../../../src/Process/DiskSpace.ts"

describe("the note on a full disk", () => {
  it.effect.skipIf(process.platform !== "linux")(
    "names the folder, the free space and the remedy",
    () =>
      Effect.gen(function*() {
        // On Linux, /proc is a file system without blocks, so it appears to be full.
        const note = yield* noteOf("/proc")
        assert.strictEqual(note, "the disk of /proc (DATA_DIR) is full: 0 B left. Free some space there")
      })
  )

  it.effect("is absent when there is free space, and when the free space is unknown", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* noteOf(tmpdir()))
      assert.isUndefined(yield* noteOf("/none"))
    }))
})
