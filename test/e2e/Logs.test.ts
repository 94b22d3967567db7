// Runs: long

import { assert, describe } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { Buffer } from "node:buffer"
import { randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import { Database } from "../../src/Database/Database.ts"
import { readConnection } from "../../src/Nats/Server/Connection.ts"
import * as Signature from "../../src/Signature/Signature.ts"
import { answers, json } from "../support/Answers.ts"
import { platform } from "../support/Broker.ts"
import * as Collector from "../support/Collector.ts"
import { newDataDir, newEmbeddedDataDir } from "../support/Databases.ts"
import { deliver, send } from "../support/Http.ts"
import { test } from "../support/Live.ts"
import * as Nats from "../support/NatsProcess.ts"
import { refusePoison, refusePoisonAt } from "../support/Poison.ts"
import * as Postgres from "../support/Postgres.ts"
import { running } from "../support/Serve.ts"
import { poll } from "../support/Until.ts"
import { scanCreated } from "../support/Webhook.ts"

/** The settings of a pair of engines, and the secrets in them. */
interface SetUp {
  readonly environment: Readonly<Record<string, string>>
  /** Available once the engines run. */
  readonly secrets: Effect.Effect<{ readonly webhook: string; readonly others: ReadonlyArray<string> }>
  /** A failure of the engines that ends by itself. */
  readonly trouble: Effect.Effect<void>
}

const someSecret = () => `s3cret-${randomBytes(12).toString("hex")}`

const embedded = Effect.gen(function*() {
  const dataDir = yield* newEmbeddedDataDir
  yield* Effect.provide(refusePoison, Database.layer({ dataDir }).pipe(Layer.provide(platform), Layer.orDie))
  const broker = readConnection(dataDir).pipe(Effect.provide(platform), Effect.orDie)
  return {
    environment: { DATA_DIR: dataDir },
    secrets: Effect.map(broker, ({ token }) => ({
      webhook: readFileSync(`${dataDir}/webhook-secret`, "utf8").trim(),
      others: [Redacted.value(token)]
    })),
    // The killed broker is started again automatically.
    trouble: Effect.map(broker, ({ pid }) => void process.kill(pid, "SIGKILL"))
  } satisfies SetUp
})

const external = Effect.gen(function*() {
  const nats = yield* Nats.start()
  const postgres = yield* Postgres.start
  yield* refusePoisonAt(postgres.url)
  const webhook = someSecret()
  return {
    environment: {
      DATA_DIR: yield* newDataDir,
      THREEQPR_WEBHOOK_SECRET: webhook,
      NATS_URL: nats.url,
      NATS_TOKEN: nats.token,
      DATABASE_URL: postgres.url
    },
    secrets: Effect.succeed({
      webhook,
      others: [nats.token, Postgres.password, encodeURIComponent(Postgres.password)]
    }),
    trouble: Effect.andThen(postgres.restartImmediate, Effect.andThen(nats.signal("SIGKILL"), nats.start))
  } satisfies SetUp
})

const payload = "in-a-payload"

const messageIn = (line: string) => String(JSON.parse(line).message)

/** Runs `serve` at log level Debug, with valid, invalid and poison deliveries, requests and engine failures. */
const wholeRun = Effect.fnUntraced(function*(setUp: SetUp) {
  const collector = yield* Collector.start()
  const api = yield* answers([json(401, { error: "unauthorized" })])
  const [adminToken, apiKey, collectorKey] = [someSecret(), someSecret(), someSecret()]
  const server = yield* running(["serve"], {
    PORT: "0",
    ADMIN_PORT: "0",
    ADMIN_TOKEN: adminToken,
    THREEQPR_API_KEY: apiKey,
    THREEQPR_API_URL: api.url,
    LOG_LEVEL: "Debug",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=${collectorKey}`,
    ...setUp.environment
  })
  const urlIn = (start: RegExp) =>
    Effect.map(
      server.line("stderr", start),
      (line) => messageIn(line).replace(start, "").replace("localhost", "127.0.0.1")
    )
  yield* server.line("stderr", /ready in /)
  const [webhook, admin] = [
    yield* urlIn(/.*webhook: POST /),
    yield* urlIn(/.*private listener: /)
  ]
  const { others, webhook: secret } = yield* setUp.secrets
  const signed = (text: string) => {
    const body = Buffer.from(text)
    return { body, signature: Signature.sign(body, Redacted.make(secret)) }
  }
  const ask = (path: string, body?: object, token = adminToken) =>
    send(`${admin}${path}`, {
      method: body ? "POST" : "GET",
      headers: { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) })
    })
  const has = (path: string, text: string) =>
    poll(ask(path), ({ body }) => JSON.stringify(body).includes(text))

  const good = signed(scanCreated("evt_1", { city: payload }))
  yield* deliver(webhook, good)
  yield* deliver(webhook, signed(scanCreated("evt_1", { city: `${payload} changed` })))
  yield* deliver(webhook, { ...good, signature: `sha256=${"0".repeat(64)}` })
  yield* deliver(webhook, signed(`{"${payload}":`))
  yield* deliver(
    webhook,
    signed(JSON.stringify({ id: "evt_2", event: "scan.created", data: { id: [payload] } }))
  )
  yield* has("/v1/scans", "scan_of_evt_1")
  yield* deliver(webhook, signed(scanCreated("evt_3", { city: `${payload}\u0000poison` })))
  yield* deliver(webhook, signed(scanCreated("evt_4", { city: `${payload} poison` })))
  yield* has("/v1/dead-letters", "evt_3")
  yield* ask("/v1/dead-letters/redrive", { all: true, by: "the tests" })
  yield* ask("/v1/reconciliations", { since: "2026-03-20T00:00:00Z", by: "the tests" })
  yield* has("/v1/reconciliations", "\"failed\"")
  yield* ask("/v1/scans", undefined, someSecret())
  yield* setUp.trouble
  yield* poll(
    deliver(webhook, signed(scanCreated("evt_5", { city: payload }))),
    ({ status }) => status === 200
  )
  yield* has("/v1/scans", "scan_of_evt_5")
  server.signal("SIGTERM")
  const ended = yield* server.ended
  assert.strictEqual(ended.code, 0)
  const secrets = [...others, secret, adminToken, apiKey, collectorKey]
  return { ...ended, secrets, sent: collector.text(), lines: server.stderr }
})

describe("logs", () => {
  for (
    const [name, engines] of [["the embedded engines", embedded], ["NATS and Postgres", external]] as const
  ) {
    test(
      `of a whole run on ${name} are lines of JSON without secrets or payloads, and so are exports to a collector`,
      Effect.gen(function*() {
        const { lines, secrets, sent, stderr, stdout } = yield* wholeRun(yield* engines)
        assert.strictEqual(stdout, "")
        for (const line of lines) {
          assert.containsAllKeys(JSON.parse(line), ["message", "level", "timestamp"], line)
        }
        // The log has the lines that could contain secrets or payloads.
        const letter = lines.map((line) => JSON.parse(line)).find(({ message }) =>
          /evt_3.*dead letter/.test(message)
        )
        assert.match(letter?.trace_id, /^[0-9a-f]{32}$/)
        for (const said of [/different body/, /unauthorized|401|key/i]) {
          assert.isTrue(lines.some((line) => said.test(line)), `${said} in\n${stderr}`)
        }
        assert.include(sent, "Consumer.handle scans-1")
        for (const secret of secrets) {
          assert.isAbove(secret.length, 7)
          assert.notInclude(stderr, secret)
          assert.notInclude(sent, secret)
        }
        assert.notInclude(stderr, payload)
        assert.notInclude(sent, payload)
      }),
      180_000
    )
  }
})
