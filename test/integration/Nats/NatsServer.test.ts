// Runs: broker

import { assert, describe } from "@effect/vitest"
import { Effect, FileSystem, Redacted, SemVer } from "effect"
import { connect } from "node:net"
import { networkInterfaces } from "node:os"
import { NoBrokerRunning, readConnection } from "../../../src/Nats/Server/Connection.ts"
import { FolderLocked } from "../../../src/Process/FolderLock.ts"
import { client, newDataDir, start } from "../../support/Broker.ts"
import { test } from "../../support/Live.ts"
import { processesOf, untilNoProcessOf } from "../../support/Processes.ts"
import * as Script from "../../support/Script.ts"

const modeOf = (file: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.stat(file)).pipe(Effect.map(({ mode }) => mode & 0o777))

/** Returns what a server sends until the connection closes or the login succeeds, or why no connection is made. */
const dial = (host = "", port = 0, message: string) =>
  Effect.callback<string>((resume) => {
    let answer = ""
    const socket = connect(port, host, () => socket.write(message))
    socket
      .on("data", (data) => {
        answer += data
        if (answer.includes("PONG")) socket.end()
      })
      .on("error", (error) => void (answer += error.message))
      .on("close", () => resume(Effect.succeed(answer)))
  })

describe("the embedded broker", () => {
  test(
    "accepts clients with its token and no others",
    Effect.gen(function*() {
      const server = yield* start(yield* newDataDir)
      const connection = yield* client(server)
      assert.strictEqual(connection.info?.version, server.version)
      for (const options of ["{}", `{"auth_token":"wrong"}`]) {
        const answer = yield* dial("127.0.0.1", connection.info?.port, `CONNECT ${options}\r\nPING\r\n`)
        assert.include(answer, "-ERR 'Authorization Violation'")
      }
    })
  )

  test(
    "listens on the loopback interface only",
    Effect.gen(function*() {
      const server = yield* start(yield* newDataDir)
      const connection = yield* client(server)
      assert.strictEqual(connection.info?.host, "127.0.0.1")
      const others = Object.values(networkInterfaces()).flat().filter((address) =>
        address?.internal === false
      )
      for (const other of others.filter((address) => address?.family === "IPv4")) {
        assert.include(yield* dial(other?.address, connection.info?.port, ""), "ECONNREFUSED")
      }
    })
  )

  test(
    "keeps its token to files of mode 0600 in a folder of mode 0700: not in its command line, nor in its log",
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const dataDir = yield* newDataDir
      const server = yield* start(dataDir)
      assert.strictEqual(yield* modeOf(`${dataDir}/nats`), 0o700)
      assert.strictEqual(yield* modeOf(`${dataDir}/nats/nats.conf`), 0o600)
      assert.strictEqual(yield* modeOf(`${dataDir}/nats/connection.json`), 0o600)
      const told = [yield* fs.readFileString(`${dataDir}/nats/nats.log`), ...(yield* processesOf(dataDir))]
      assert.notInclude(told.join("\n"), Redacted.value(server.token))
      assert.match(Redacted.value(server.token), /^[0-9a-f]{64}$/)
    })
  )

  test(
    "accepts a body of 1 MiB with headers",
    Effect.gen(function*() {
      const connection = yield* client(yield* start(yield* newDataDir))
      assert.isAtLeast(connection.info?.max_payload ?? 0, 1024 * 1024 + 16 * 1024)
    })
  )

  test(
    "syncs before it acknowledges if its version can, and reports whether it does",
    Effect.gen(function*() {
      const server = yield* start(yield* newDataDir)
      const can = SemVer.isGreaterThanOrEqualTo(
        SemVer.parseUnsafe(server.version),
        SemVer.parseUnsafe("2.10.0")
      )
      assert.strictEqual(server.syncsBeforeAck, can)
    })
  )

  test(
    "refuses a second process on its folder, by name, with the remedies",
    Effect.gen(function*() {
      const dataDir = yield* newDataDir
      const script = yield* Script.start("run-broker", dataDir)
      yield* script.line
      const error = yield* Effect.flip(start(dataDir))
      assert.instanceOf(error, FolderLocked)
      assert.strictEqual(error.pid, script.pid)
      for (const part of [`Process ${script.pid}`, "DATA_DIR", "NATS_URL", "NATS_TOKEN", "connection.json"]) {
        assert.include(error.message, part)
      }
    })
  )

  test(
    "can be reached by another process through its connection file",
    Effect.gen(function*() {
      const dataDir = yield* newDataDir
      const script = yield* Script.start("run-broker", dataDir)
      const pid = Number(yield* script.line)
      const connection = yield* readConnection(dataDir)
      assert.strictEqual(connection.pid, pid)
      const attached = yield* client(connection)
      assert.strictEqual(attached.info?.version, connection.version)
      const fs = yield* FileSystem.FileSystem
      const alias = `${yield* newDataDir}/alias`
      yield* fs.symlink(dataDir, alias)
      assert.strictEqual((yield* readConnection(alias)).pid, pid)
    })
  )

  test(
    "is not found where none runs, even if a killed broker left its connection file",
    Effect.gen(function*() {
      const dataDir = yield* newDataDir
      assert.instanceOf(yield* Effect.flip(readConnection(dataDir)), NoBrokerRunning)
      const script = yield* Script.start("run-broker", dataDir)
      yield* script.line
      yield* script.kill
      yield* untilNoProcessOf(dataDir)
      const error = yield* Effect.flip(readConnection(dataDir))
      assert.instanceOf(error, NoBrokerRunning)
      assert.include(error.message, `${dataDir}/nats`)
    })
  )
})
