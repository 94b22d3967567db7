// Runs: long

import { assert, describe } from "@effect/vitest"
import { Context, Effect, FileSystem, Layer, Logger } from "effect"
import { type NatsConnection, StorageType } from "nats"
import { readFileSync } from "node:fs"
import { stream } from "../../../src/EventLog/Names.ts"
import { NatsServer, NatsServerFailed } from "../../../src/Nats/Server.ts"
import { readConnection } from "../../../src/Nats/Server/Connection.ts"
import * as Guard from "../../../src/Nats/Server/Guard.ts"
import { binary, client, newDataDir, start } from "../../support/Broker.ts"
import { test } from "../../support/Live.ts"
import { writeCommand } from "../../support/Machine.ts"
import {
  brokersOf,
  guardsOf,
  kill,
  processesOf,
  standStill,
  untilNoProcessOf
} from "../../support/Processes.ts"
import * as Script from "../../support/Script.ts"
import { until } from "../../support/Until.ts"

/** Stores one message in a stream with file storage. */
const storeMessage = (connection: NatsConnection) =>
  Effect.promise(async () => {
    const manager = await connection.jetstreamManager()
    await manager.streams.add({ name: "S", subjects: ["s.>"], storage: StorageType.File })
    await connection.jetstream().publish("s.1")
  })

const messagesIn = (connection: NatsConnection) =>
  Effect.promise(async () => (await (await connection.jetstreamManager()).streams.info("S")).state.messages)

describe("the embedded broker", () => {
  test(
    "keeps messages across a restart",
    Effect.gen(function*() {
      const dataDir = yield* newDataDir
      yield* Effect.scoped(Effect.gen(function*() {
        const connection = yield* client(yield* start(dataDir))
        yield* storeMessage(connection)
      }))
      assert.strictEqual(yield* messagesIn(yield* client(yield* start(dataDir))), 1)
    })
  )

  test(
    "leaves no process and no connection file when it is stopped",
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const dataDir = yield* newDataDir
      yield* Effect.scoped(start(dataDir))
      assert.deepStrictEqual(yield* processesOf(dataDir), [])
      assert.deepStrictEqual((yield* fs.readDirectory(`${dataDir}/nats`)).sort(), [
        "jetstream",
        "nats.conf",
        "nats.log"
      ])
    })
  )

  test(
    "receives no environment variable that can hold a secret",
    Effect.gen(function*() {
      const server = yield* start(yield* newDataDir)
      const environment = readFileSync(`/proc/${yield* server.pid}/environ`, "utf8")
      const names = environment.split("\0").map((line) => line.split("=", 1)[0]).filter((name) => name !== "")
      // The shell that guards the broker adds some variables.
      const known =
        /^(PATH|HOME|TMPDIR|TEMP|TMP|GOMAXPROCS|GOMEMLIMIT|https?_proxy|no_proxy|PWD|OLDPWD|SHLVL|_)$/
      assert.deepStrictEqual(names.filter((name) => !known.test(name ?? "")), [])
      assert.include(names, "PATH")
    })
  )

  test(
    "is restarted on the same port when it is killed: clients reconnect and find their messages",
    Effect.gen(function*() {
      const dataDir = yield* newDataDir
      const server = yield* start(dataDir)
      const connection = yield* client(server)
      yield* storeMessage(connection)
      const before = (yield* server.pid) ?? 0
      const statuses = connection.status()[Symbol.asyncIterator]()
      yield* kill(before)
      let status = yield* Effect.promise(() => statuses.next())
      while (status.value?.type !== "reconnect") status = yield* Effect.promise(() => statuses.next())
      assert.strictEqual(yield* messagesIn(connection), 1)
      const after = yield* until("another pid", server.pid, (pid) => pid !== undefined && pid !== before)
      // Clients can connect before the file is written.
      const written = Effect.map(Effect.eventually(readConnection(dataDir)), ({ pid }) => pid)
      yield* until("its connection file", written, (pid) => pid === after)
    })
  )

  test(
    "is restarted when it runs without answering for a time, and the log reports for how long",
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      const dataDir = yield* newDataDir
      const server = yield* Layer.build(
        NatsServer.layer({ dataDir, binary, longestSilence: 3_000, watchedStream: stream })
      ).pipe(
        Effect.map((context) => Context.get(context, NatsServer)),
        Effect.provide(Logger.layer([logger]))
      )
      yield* storeMessage(yield* client(server))
      const before = (yield* server.pid) ?? 0
      yield* standStill(before)
      yield* until("another pid", server.pid, (pid) => pid !== undefined && pid !== before)
      assert.strictEqual(yield* messagesIn(yield* client(server)), 1)
      assert.match(
        lines.join("\n"),
        new RegExp(`nats-server ${before} is running but has not answered for ([3-9]|[1-3]\\d) s`)
      )
    })
  )

  test(
    "is restarted when its guard process is killed, and never runs twice",
    Effect.gen(function*() {
      const dataDir = yield* newDataDir
      const server = yield* start(dataDir)
      const before = yield* server.pid
      yield* Effect.forEach(yield* guardsOf(dataDir), kill)
      yield* until("another pid", server.pid, (pid) => pid !== undefined && pid !== before)
      yield* client(server)
      assert.deepStrictEqual(yield* brokersOf(dataDir), [yield* server.pid])
    })
  )

  test(
    "ends when our process is killed",
    Effect.gen(function*() {
      const dataDir = yield* newDataDir
      const script = yield* Script.start("run-broker", dataDir)
      const pid = yield* script.line
      assert.deepStrictEqual(yield* brokersOf(dataDir), [Number(pid)])
      yield* script.kill
      yield* untilNoProcessOf(dataDir)
      yield* start(dataDir)
    })
  )

  test(
    "that outlived our process and its guard is ended by the next start",
    Effect.gen(function*() {
      const dataDir = yield* newDataDir
      const script = yield* Script.start("run-broker", dataDir)
      const leftover = Number(yield* script.line)
      yield* Effect.addFinalizer(() =>
        brokersOf(dataDir).pipe(Effect.flatMap(Effect.forEach(kill)), Effect.ignore)
      )
      yield* standStill(script.pid)
      yield* Effect.forEach(yield* guardsOf(dataDir), kill)
      yield* script.kill
      assert.strictEqual((yield* readConnection(dataDir)).pid, leftover)
      const server = yield* start(dataDir)
      assert.deepStrictEqual(yield* brokersOf(dataDir), [yield* server.pid])
    })
  )

  test(
    "that cannot start fails with the end of its log and the remedies, and leaves no process",
    Effect.gen(function*() {
      const dataDir = yield* newDataDir
      yield* writeCommand(
        `${dataDir}/broken`,
        `[ $1 = -c ] || exec echo nats-server: v2.11.0
         echo bad option >&2
         echo [FTL] no rights >> "$(dirname "$2")/nats.log"
         exit 3`
      )
      const error = yield* Effect.flip(start(dataDir, `${dataDir}/broken`))
      assert.instanceOf(error, NatsServerFailed)
      const told = ["exit code 3", "bad option", "[FTL] no rights", "nats.log", "NATS_SERVER_BIN", "NATS_URL"]
      for (const part of told) {
        assert.include(error.message, part)
      }
      assert.deepStrictEqual(yield* processesOf(dataDir), [])
    })
  )

  test(
    "is killed when it does not stop within 5 seconds",
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* newDataDir
      yield* writeCommand(
        `${folder}/deaf`,
        `trap '' TERM; echo ready > ${folder}/ready; while :; do sleep 1; done`
      )
      yield* Effect.scoped(Effect.gen(function*() {
        yield* Guard.start(`${folder}/deaf`, "nats.conf")
        yield* fs.exists(`${folder}/ready`).pipe(
          Effect.delay("10 millis"),
          Effect.repeat({ until: (is) => is })
        )
      }))
      assert.deepStrictEqual(yield* processesOf(folder), [])
    })
  )
})
