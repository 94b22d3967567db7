import { assert, describe, layer } from "@effect/vitest"
import { Clock, Effect, Layer, Redacted } from "effect"
import { HttpServer } from "effect/http"
import { Buffer } from "node:buffer"
import process from "node:process"
import * as Admin from "../../../src/Admin/Admin.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import { eventSubject, quarantineSubject } from "../../../src/EventLog/Names.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { newStores, postgres } from "../../support/Databases.ts"
import { deliver } from "../../support/Http.ts"
import { test } from "../../support/Live.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { shell, spawnMain, started, threeqpr } from "../../support/Serve.ts"
import { scanCreated, secret, signed } from "../../support/Webhook.ts"

const listener = Admin.layer({ host: "127.0.0.1", port: 0 }).pipe(
  Layer.provideMerge(Layer.mergeAll(consumersOnBroker, ProcessHealth.layer)),
  Layer.provideMerge(postgres.layer)
)

layer(listener, { excludeTestServices: true })("a command whose output ends early", (it) => {
  it.effect("exits 0 and prints no error when its reader stops reading", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      for (let index = 0; index < 400; index++) {
        yield* log.append({
          id: `evt_${index}`,
          type: "scan.created",
          subject: eventSubject("scan.created"),
          body: Buffer.from(`{"id":"evt_${index}"}`),
          signature: "sha256=5",
          receivedAt: yield* Clock.currentTimeMillis
        })
      }
      const url = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
      const head = yield* shell(
        `threeqpr events tail --json --after 0 --admin-url ${url} | head -2; echo "exit ${"${PIPESTATUS[0]}"}"`
      )
      assert.match(head.stdout, /^\{"sequence":.*\n\{"sequence":.*\nexit 0\n$/)
      assert.strictEqual(head.stderr, "")
    }), 30_000)

  it.effect(
    "escapes control characters of a signed body for people, and passes them unchanged to programs",
    () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const evil = "\u001b]0;title\u0007\u001b[31m\u009b2J\u202e"
        const stored = (id: string, subject: string, body: string) =>
          log.append({
            id,
            type: "x",
            subject,
            body: Buffer.from(body),
            signature: "sha256=5",
            receivedAt: 0
          })
        const json = `{"id":"evt_evil","event":"x","data":{"text":"\u009b2J\u202e"}}`
        yield* stored("evt_evil", eventSubject("x"), json)
        const { sequence } = yield* stored("sha256:0", quarantineSubject("invalid_json"), evil)
        const url = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
        const run = (...args: ReadonlyArray<string>) =>
          Effect.map(threeqpr([...args, "--admin-url", url]), ({ code, stdout }) => {
            assert.strictEqual(code, 0, args.join(" "))
            return stdout
          })
        for (
          const [args, shown] of [
            [["quarantine", "list"], "\\u001b]0;tit"],
            [["quarantine", "show", String(sequence)], "\\u001b]0;title\\u0007\\u001b[31m\\u009b2J\\u202e"],
            [["events", "get", "sha256:0"], "\\u001b]0;title\\u0007\\u001b[31m\\u009b2J\\u202e"],
            [["events", "get", "evt_evil"], `"text": "\\u009b2J\\u202e"`]
          ] as const
        ) {
          const stdout = yield* run(...args)
          assert.notMatch(stdout, /[^\P{Cc}\n]|[\u202a-\u202e]/u, args.join(" "))
          assert.include(stdout, shown, args.join(" "))
        }
        assert.strictEqual(yield* run("events", "get", "sha256:0", "--raw"), evil)
        const listed = yield* run("quarantine", "list", "--json")
        assert.include(JSON.parse(listed.trim()).problems[0].message, "\u001b")
      }),
    60_000
  )

  it.effect("exits 1 with the reason when its output cannot be written", () =>
    Effect.gen(function*() {
      const url = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
      const commands = ["events list --json", "events get evt_1 --raw", "status"]
        .map((command) => `${command} --admin-url ${url}`)
      for (const command of ["--help", "--version", ...commands]) {
        const { code, stderr } = yield* shell(`threeqpr ${command} > /dev/full`)
        assert.strictEqual(code, 1, command)
        assert.include(stderr, "threeqpr: standard output cannot be written: no space is left", command)
        assert.notInclude(stderr, "    at ", command)
      }
    }), 60_000)
})

describe("serve", () => {
  test(
    "continues when the reader of its output ends, and stops in order when its terminal closes",
    Effect.gen(function*() {
      const environment = {
        ...(yield* newStores),
        PORT: "0",
        ADMIN_PORT: "0",
        LOG_LEVEL: "Debug",
        THREEQPR_WEBHOOK_SECRET: Redacted.value(secret)
      }
      let stopReading = () => {}
      const { end, pid, webhook } = yield* started(() => {
        const child = spawnMain(["serve"], environment)
        stopReading = () => {
          child.stderr.destroy()
          child.stdout.destroy()
        }
        return child
      })
      stopReading()
      for (let index = 0; index < 20; index++) {
        const { status } = yield* deliver(webhook, signed(scanCreated(`evt_${index}`)))
        assert.strictEqual(status, 200)
      }
      assert.isTrue(process.kill(pid, 0))
      assert.strictEqual(yield* end("SIGHUP"), 0)
    })
  )
})
