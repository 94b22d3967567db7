// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { tmpdir } from "node:os"
import process from "node:process"
import { awayReason } from "../../../src/Database/Away.ts"

describe("the reason of a database that does not answer", () => {
  it.effect("says what to check for the Postgres of DATABASE_URL, and does not show the address", () =>
    Effect.gen(function*() {
      const databaseUrl = Redacted.make("postgres://user:password@db.example/threeqpr")
      assert.strictEqual(
        yield* awayReason({ dataDir: tmpdir(), databaseUrl }, "connect ECONNREFUSED 127.0.0.1:15432"),
        "connect ECONNREFUSED 127.0.0.1:15432. Check the Postgres that DATABASE_URL names, and the network to it"
      )
    }))

  it.effect("has no advice for the embedded database while its disk has free space", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* awayReason({ dataDir: tmpdir(), databaseUrl: undefined }, "it ended"),
        "it ended"
      )
    }))

  it.effect.skipIf(process.platform !== "linux")(
    "reports that the disk of the embedded database is full",
    () =>
      Effect.gen(function*() {
        // On Linux, /proc is a file system without blocks, so it appears to be full.
        assert.strictEqual(
          yield* awayReason({ dataDir: "/proc", databaseUrl: undefined }, "it ended"),
          "it ended; the disk of /proc (DATA_DIR) is full: 0 B left. Free some space there"
        )
      })
  )
})
