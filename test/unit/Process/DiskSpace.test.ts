import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { tmpdir } from "node:os"
import process from "node:process"
import { noteOf } from "../../../src/Process/DiskSpace.ts"

describe("the note on a full disk", () => {
  it.effect.skipIf(process.platform !== "linux")(
    "names the folder, what is left and what to do",
    () =>
      Effect.gen(function*() {
        // A file system without blocks, as Linux has it for processes.
        const note = yield* noteOf("/proc")
        assert.strictEqual(note, "the disk of /proc (DATA_DIR) is full: 0 B left. Free some space there")
      })
  )

  it.effect("is none where there is room, and where nothing is known", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* noteOf(tmpdir()))
      assert.isUndefined(yield* noteOf("/none"))
    }))
})
