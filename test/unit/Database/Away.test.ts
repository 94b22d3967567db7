// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { tmpdir } from "node:os"
import process from "node:process"
import { awayReason } from "../../../src/Database/Away.ts"

describe("the reason of a database that does not answer", () => {
  it.effect("ends with what to check for the Postgres of DATABASE_URL, and shows nothing of the address", () =>
    Effect.gen(function*() {
      const databaseUrl = Redacted.make("postgres://user:password@db.example/threeqpr")
      assert.strictEqual(
        yield* awayReason({ dataDir: tmpdir(), databaseUrl }, "connect ECONNREFUSED 127.0.0.1:15432"),
        "connect ECONNREFUSED 127.0.0.1:15432. Check the Postgres that DATABASE_URL names, and the network to it"
      )
    }))

  it.effect("is the reason alone for the embedded database while its disk has room", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* awayReason({ dataDir: tmpdir(), databaseUrl: undefined }, "it ended"),
        "it ended"
      )
    }))

  it.effect.skipIf(process.platform !== "linux")(
    "names the full disk of the embedded database",
    () =>
      Effect.gen(function*() {
        // A file system without blocks, as Linux has it for processes.
        assert.strictEqual(
          yield* awayReason({ dataDir: "/proc", databaseUrl: undefined }, "it ended"),
          "it ended; the disk of /proc (DATA_DIR) is full: 0 B left. Free some space there"
        )
      })
  )
})
