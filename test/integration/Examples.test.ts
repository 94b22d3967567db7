// Runs: broker

import { assert, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createServer, type ServerResponse } from "node:http"
import { fileURLToPath } from "node:url"
import { Client } from "pg"
import { NatsServer } from "../../src/Nats/Server.ts"
import { newDatabase } from "../support/Databases.ts"
import { example } from "../support/Example.ts"
import { lettersOf } from "../support/Letters.ts"
import { consumersOnBroker, deleteDurable } from "../support/Log.ts"
import { append } from "../support/Projecting.ts"
import { until } from "../support/Subscribing.ts"
import { poll } from "../support/Until.ts"

const event = (id: string, type: string, data: unknown) =>
  append(id, JSON.stringify({ id, event: type, data }), type)

const scan = (id: string, country: string) => event(id, "scan.created", { id: `scan_${id}`, country })

const broker = Effect.map(
  NatsServer,
  ({ token, url }) => ({ NATS_URL: url, NATS_TOKEN: Redacted.value(token) })
)

/** Starts one of `test/examples`. */
const run = Effect.fnUntraced(function*(name: string, environment: Readonly<Record<string, string>> = {}) {
  return yield* example(name, read(`test/examples/${name}`), { ...yield* broker, ...environment })
})

layer(consumersOnBroker, { excludeTestServices: true })("the examples", (it) => {
  it.effect(
    "table.ts counts each scan once in its own table, also when the scan is delivered again",
    () =>
      Effect.gen(function*() {
        const DATABASE_URL = yield* newDatabase
        const database = yield* Effect.acquireRelease(
          Effect.promise(async () => {
            const client = new Client({ connectionString: DATABASE_URL })
            await client.connect()
            return client
          }),
          (client) => Effect.promise(() => client.end())
        )
        const counts = Effect.promise(async () => {
          const { rows } = await database.query("select country, scans from scans_by_country order by 1")
            .catch(() => ({ rows: [] }))
          return Object.fromEntries(rows.map(({ country, scans }) => [country, scans]))
        })
        const untilCounted = (expected: Record<string, number>) =>
          poll(counts, (counted) => JSON.stringify(counted) === JSON.stringify(expected))
        for (const [index, country] of ["CH", "CH", "DE"].entries()) yield* scan(`table_${index}`, country)
        const first = yield* run("table.ts", { DATABASE_URL })
        yield* untilCounted({ CH: 2, DE: 1 })
        assert.strictEqual(yield* first.stop, 0, first.stderr())
        // Simulates a kill between the commit and the ack: all of the events are delivered again.
        yield* deleteDurable("countries")
        yield* scan("table_3", "FR")
        yield* run("table.ts", { DATABASE_URL })
        yield* untilCounted({ CH: 2, DE: 1, FR: 1 })
      }),
    120_000
  )

  it.effect(
    "http.ts waits when the other system is busy, and dead-letters an event that it refuses",
    () =>
      Effect.gen(function*() {
        const { requests, url } = yield* api((id, attempt) =>
          id === "http_busy" && attempt === 1
            ? [429, { "retry-after": "1" }]
            : id === "http_broken" && attempt === 1
            ? [503, { "retry-after": "1" }]
            : id === "http_wrong"
            ? [422, {}]
            : [204, {}]
        )
        for (const id of ["http_busy", "http_broken", "http_wrong", "http_good"]) {
          yield* event(id, "conversation.completed", { id: `conversation_${id}` })
        }
        const { stop, stderr } = yield* run("http.ts", { CRM_URL: url })
        yield* until(() => requests.length === 6)
        const [letter] = yield* poll(lettersOf({ consumer: "crm" }), (letters) => letters.length > 0)
        assert.deepInclude(letter, { eventId: "http_wrong", error: "422: told so" })
        const timesOf = (id: string) => requests.filter((request) => request.id === id).map(({ at }) => at)
        for (const id of ["http_busy", "http_broken"]) {
          const [first = 0, second = 0] = timesOf(id)
          assert.isAtLeast(second - first, 950, id)
        }
        assert.strictEqual(timesOf("http_good").length, 1)
        assert.strictEqual(timesOf("http_wrong").length, 1)
        assert.strictEqual(yield* stop, 0, stderr())
      }),
    120_000
  )

  it.effect(
    "plain.mjs needs only the NATS client, and receives CloudEvents",
    () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(importsOf("plain.mjs"), ["nats", "node:process"])
        yield* scan("plain_1", "IT")
        const { stop, stderr, stdout } = yield* run("plain.mjs")
        yield* until(() => stdout().includes("plain_1"))
        const line = stdout().split("\n").find((line) => line.includes("plain_1")) ?? ""
        const { time, ...rest } = JSON.parse(line)
        assert.deepStrictEqual(rest, {
          specversion: "1.0",
          id: "plain_1",
          type: "scan.created",
          source: "https://api.3qpr.com",
          data: { id: "scan_plain_1", country: "IT" }
        })
        assert.isFalse(Number.isNaN(Date.parse(time)))
        assert.strictEqual(yield* stop, 0, stderr())
      }),
    120_000
  )

  it.effect("of the README is a complete consumer", () =>
    Effect.gen(function*() {
      const code = /`consumer\.ts`, on Node[^]*?```ts\n([^`]*)```/.exec(read("README.md"))?.[1] ?? ""
      yield* scan("readme_1", "AT")
      const { stderr, stdout, stop } = yield* Effect.flatMap(
        broker,
        (broker) => example("consumer.ts", code, broker)
      )
      yield* until(() => stdout().includes("AT"))
      assert.strictEqual(yield* stop, 0, stderr())
    }), 120_000)
})

const checkout = fileURLToPath(new URL("../..", import.meta.url))

const read = (file: string) => readFileSync(`${checkout}/${file}`, "utf8")

const importsOf = (name: string) =>
  [...read(`test/examples/${name}`).matchAll(/from "([^"]+)"/g)].map(([, module]) => module)

/** Another system's HTTP API that answers as the test decides, and records its requests. */
const api = (
  answer: (id: string, attempt: number) => readonly [status: number, headers: Record<string, string>]
) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const requests: Array<{ readonly id: string; readonly at: number }> = []
      const server = createServer((request, response: ServerResponse) => {
        const id = String(request.headers["idempotency-key"])
        requests.push({ id, at: performance.now() })
        const [status, headers] = answer(id, requests.filter((request) => request.id === id).length)
        request.resume().on("end", () =>
          response.writeHead(status, headers).end(status === 204 ? undefined : "told so"))
      }).listen(0, "127.0.0.1")
      await once(server, "listening")
      const address = server.address()
      return { server, requests, url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/` }
    }),
    ({ server }) =>
      Effect.promise(() =>
        new Promise((resolve) => {
          server.close(resolve)
          server.closeAllConnections()
        })
      )
  )
