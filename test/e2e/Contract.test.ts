// Runs: long, node first

import { assert, describe } from "@effect/vitest"
import { Effect, Redacted, type Scope } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { writeFileSync } from "node:fs"
import { mostClients } from "../../src/Admin/Live/Clients.ts"
import { Database } from "../../src/Database/Database.ts"
import { answers, silence } from "../support/Answers.ts"
import { platform } from "../support/Broker.ts"
import {
  checkerOf,
  type Document,
  type Documented,
  documentedIn,
  lint,
  sendOrListen
} from "../support/Contract.ts"
import { newDataDir } from "../support/Databases.ts"
import { deliver } from "../support/Http.ts"
import { test } from "../support/Live.ts"
import * as Nats from "../support/NatsProcess.ts"
import { countries } from "../support/OwnModels.ts"
import { poison, refusePoisonAt } from "../support/Poison.ts"
import * as Postgres from "../support/Postgres.ts"
import { serve } from "../support/Serve.ts"
import { poll } from "../support/Until.ts"
import { scanCreated, scanOfTheReference, secret, signed } from "../support/Webhook.ts"

/** The path of a request, and the body of a POST. */
interface Call {
  readonly path: string
  readonly body?: unknown
}

/**
 * How each response of an operation is produced. `good` is a request that is answered 2xx. The same request gives
 * 401 without the token, and 403 from another site. It also gives 503 when the broker and the database are down,
 * unless the recipe has its own 503. The other statuses are needed only if the document lists them.
 */
interface Recipe {
  readonly good: Effect.Effect<Call>
  readonly 400?: Call
  readonly 404?: Call
  readonly 409?: Effect.Effect<Call>
  readonly 504?: Call
  readonly 503?: Effect.Effect<Call, never, Scope.Scope>
}

type Recipes = Readonly<Record<string, Recipe>>

interface Facts {
  readonly event: string
  readonly letter: string
  readonly quarantined: number
  readonly rejection: string
  readonly operation: string
  /** Makes a read model that this process does not define. */
  readonly former: Effect.Effect<void>
  /** Keeps a live stream open until the scope ends. */
  readonly listen: Effect.Effect<void, never, Scope.Scope>
  /** Sends a request that must succeed, and returns the body of its answer. */
  readonly ask: (call: Call) => Effect.Effect<Readonly<Record<string, unknown>>>
}

const by = "the tests"
const code = "qpr_01HXYZ789ABC"
const at = (path: string, body?: unknown) => Effect.succeed({ path, ...(body !== undefined && { body }) })

/** The recipes of all operations of the private listener. */
const recipesFor = (
  { ask, event, former, letter, listen, operation, quarantined, rejection }: Facts
): Recipes => {
  const rebuilds = "/v1/projections/scans/rebuilds"
  const rebuild = { path: "/v1/projections/scans/rebuild", body: { verify: true, by } }
  const idle = poll(
    Effect.map(ask({ path: "/v1/projections" }), (body) => JSON.stringify(body)),
    (text) => !text.includes(`"rebuild":{`)
  )
  const begun = Effect.map(Effect.andThen(idle, ask(rebuild)), ({ id }) => `${rebuilds}/${id}`)
  const ended = Effect.tap(
    begun,
    (path) => poll(ask({ path }), ({ finished_at }) => finished_at !== null)
  )
  const reconcile = { path: "/v1/reconciliations", body: { since: "2026-03-20T00:00:00Z", by } }
  const lastOf = (list: string) =>
    Effect.map(ask({ path: list }), (body) => {
      const [first] = body["reconciliations"] as ReadonlyArray<{ readonly id: number }>
      return `${list}/${first?.id}`
    })
  const cancelled = { by }
  return {
    "scans.list": { good: at(`/v1/scans?qpr_code_id=${code}&limit=1`), 400: { path: "/v1/scans?limit=0" } },
    "scans.get": { good: at(`/v1/scans/${scanOfTheReference.id}`), 404: { path: "/v1/scans/none" } },
    "conversations.list": { good: at("/v1/conversations"), 400: { path: "/v1/conversations?since=today" } },
    "conversations.get": { good: at("/v1/conversations/conv_1"), 404: { path: "/v1/conversations/none" } },
    "qprCodes.list": { good: at("/v1/qpr-codes?status=active") },
    "qprCodes.get": { good: at(`/v1/qpr-codes/${code}`), 404: { path: "/v1/qpr-codes/none" } },
    "subscriptions.list": { good: at("/v1/subscriptions?limit=1") },
    "subscriptions.get": { good: at("/v1/subscriptions/sub_1"), 404: { path: "/v1/subscriptions/none" } },
    "models.list": { good: at("/v1/models") },
    "models.rows": {
      good: at("/v1/models/countries?where.country=US&limit=1"),
      400: { path: "/v1/models/countries?where.scans=1" },
      404: { path: "/v1/models/scans" }
    },
    "analytics.code": {
      good: at(`/v1/qpr-codes/${code}/analytics?period=all`),
      400: { path: `/v1/qpr-codes/${code}/analytics?period=1d` },
      404: { path: "/v1/qpr-codes/none/analytics" }
    },
    "analytics.all": {
      good: at("/v1/analytics?period=all&granularity=week"),
      400: { path: "/v1/analytics?granularity=year" }
    },
    "events.list": { good: at("/v1/events?bodies=true"), 400: { path: "/v1/events?after=-1" } },
    "events.get": { good: at(`/v1/events/${event}`), 404: { path: "/v1/events/none" } },
    "eventLife.get": { good: at(`/v1/events/${event}/life`), 404: { path: "/v1/events/none/life" } },
    "live.live": {
      good: at("/v1/live"),
      400: { path: "/v1/live?after=x" },
      503: Effect.as(Effect.replicateEffect(listen, mostClients, { concurrency: 8 }), { path: "/v1/live" })
    },
    "sql.query": {
      good: at("/v1/sql", { statement: "select id from scans", limit: 1 }),
      400: { path: "/v1/sql", body: { statement: "drop table scans_1" } },
      504: {
        path: "/v1/sql",
        body: {
          statement: "select count(*) from generate_series(1, 100000000) as a, generate_series(1, 1000) as b",
          timeout_seconds: 1
        }
      }
    },
    "changes.list": {
      good: at("/v1/changes?after=0-0&projection=scans"),
      400: { path: "/v1/changes?after=1" }
    },
    "changes.live": { good: at("/v1/changes/live?after=0-0"), 400: { path: "/v1/changes/live?after=1" } },
    "consumers.list": { good: at("/v1/consumers") },
    "status.get": { good: at("/v1/status") },
    "deadLetters.list": { good: at("/v1/dead-letters"), 400: { path: "/v1/dead-letters?limit=many" } },
    "deadLetters.get": {
      good: at(`/v1/dead-letters/${letter}`),
      404: { path: "/v1/dead-letters/scans-1:99999" }
    },
    "deadLetters.redrive": {
      good: at("/v1/dead-letters/redrive", { ids: [letter], by }),
      400: { path: "/v1/dead-letters/redrive", body: { by } }
    },
    "deadLetters.discard": {
      good: at("/v1/dead-letters/discard", { ids: [letter, "scans-1:99999"], reason: "a test", by }),
      400: { path: "/v1/dead-letters/discard", body: { all: true, by } }
    },
    "quarantine.list": { good: at("/v1/quarantine"), 400: { path: "/v1/quarantine?reason=none" } },
    "quarantine.get": {
      good: at(`/v1/quarantine/${quarantined}`),
      400: { path: "/v1/quarantine/first" },
      404: { path: "/v1/quarantine/99999" }
    },
    "quarantine.redrive": {
      good: at("/v1/quarantine/redrive", { sequences: [quarantined, 99_999], by }),
      400: { path: "/v1/quarantine/redrive", body: { by, all: true, reason: "invalid_json" } }
    },
    "forget.begin": {
      good: at("/v1/forget", { event_id: "nothing", reason: "a test", by }),
      400: { path: "/v1/forget", body: { by, reason: "a test" } }
    },
    "operations.list": { good: at("/v1/operations"), 400: { path: "/v1/operations?limit=0" } },
    "operations.get": { good: at(`/v1/operations/${operation}`), 404: { path: "/v1/operations/none" } },
    "operations.outcomes": {
      good: at(`/v1/operations/${operation}/outcomes`),
      400: { path: `/v1/operations/${operation}/outcomes?limit=0` },
      404: { path: "/v1/operations/none/outcomes" }
    },
    "operations.cancel": {
      good: at(`/v1/operations/${operation}/cancel`, cancelled),
      400: { path: `/v1/operations/${operation}/cancel`, body: {} },
      404: { path: "/v1/operations/none/cancel", body: cancelled }
    },
    "projections.list": { good: at("/v1/projections") },
    "projections.rebuild": {
      good: at("/v1/projections/subscriptions/rebuild", { by }),
      400: { path: "/v1/projections/scans/rebuild", body: {} },
      404: { path: "/v1/projections/none/rebuild", body: { by } },
      409: Effect.as(begun, rebuild)
    },
    "projections.ledger": {
      good: at("/v1/projections/scans/ledger"),
      400: { path: "/v1/projections/scans/ledger?after=x" },
      404: { path: "/v1/projections/none/ledger" }
    },
    "projections.get": {
      good: Effect.map(ended, (path) => ({ path })),
      400: { path: `${rebuilds}/last` },
      404: { path: `${rebuilds}/99999` }
    },
    "projections.cancel": {
      good: Effect.map(begun, (path) => ({ path: `${path}/cancel`, body: {} })),
      400: { path: `${rebuilds}/last/cancel`, body: {} },
      404: { path: `${rebuilds}/99999/cancel`, body: {} },
      409: Effect.map(ended, (path) => ({ path: `${path}/cancel`, body: {} }))
    },
    "projections.remove": {
      good: Effect.as(former, { path: "/v1/projections/former/remove", body: {} }),
      404: { path: "/v1/projections/none/remove", body: {} },
      409: at("/v1/projections/scans/remove", {})
    },
    "reconciliations.list": {
      good: at("/v1/reconciliations"),
      400: { path: "/v1/reconciliations?limit=x" }
    },
    "reconciliations.start": {
      good: Effect.succeed(reconcile),
      400: { ...reconcile, body: { ...reconcile.body, since: "yesterday" } },
      409: Effect.succeed(reconcile)
    },
    "reconciliations.get": {
      good: Effect.map(lastOf("/v1/reconciliations"), (path) => ({ path })),
      400: { path: "/v1/reconciliations/last" },
      404: { path: "/v1/reconciliations/99999" }
    },
    "reconciliations.cancel": {
      good: Effect.map(lastOf("/v1/reconciliations"), (path) => ({ path: `${path}/cancel`, body: {} })),
      400: { path: "/v1/reconciliations/last/cancel", body: {} },
      404: { path: "/v1/reconciliations/99999/cancel", body: {} },
      409: Effect.map(lastOf("/v1/reconciliations"), (path) => ({ path: `${path}/cancel`, body: {} }))
    },
    "webhookSecrets.list": {
      good: at("/v1/webhook-secrets?nonce=0123456789abcdef"),
      400: { path: "/v1/webhook-secrets?nonce=x" }
    },
    "rejections.list": { good: at("/v1/rejections"), 400: { path: "/v1/rejections?limit=0" } },
    "rejections.get": { good: at(`/v1/rejections/${rejection}`), 404: { path: "/v1/rejections/none" } }
  }
}

const token = "the-token-of-the-tests"

const callOf = (recipe: Recipe, status: number): Effect.Effect<Call, never, Scope.Scope> | undefined => {
  if (status === 503) return recipe[503] ?? recipe.good
  if (status < 300 || status === 401 || status === 403) return recipe.good
  if (status === 409) return recipe[409]
  if (status === 504) {
    // Every read of a read model can wait for a sequence, and the log does not reach the last possible one.
    return recipe[504] !== undefined
      ? Effect.succeed(recipe[504])
      : Effect.map(
        recipe.good,
        ({ path }) => ({ path: `${path.replace(/[?].*/, "")}?wait_for=9007199254740991` })
      )
  }
  if (status === 400) {
    // Every operation rejects an unknown parameter.
    return recipe[400] === undefined
      ? Effect.map(
        recipe.good,
        ({ path, ...call }) => ({ ...call, path: `${path.replace(/[?].*/, "")}?unheard_of=1` })
      )
      : Effect.succeed(recipe[400])
  }
  return status === 404 && recipe[404] !== undefined ? Effect.succeed(recipe[404]) : undefined
}

const headersFor = (status: number) => ({
  ...(status !== 401 && { authorization: `Bearer ${token}` }),
  ...(status === 403 && { origin: "https://elsewhere.example" })
})

/** Creates one of each thing that the operations return. */
const made = Effect.fnUntraced(function*(webhook: string, ask: Facts["ask"]) {
  const event = { id: "evt_1", event: "scan.created", data: scanOfTheReference }
  const conversation = { id: "evt_2", event: "conversation.completed", data: { id: "conv_1" } }
  const bodies = [
    JSON.stringify(event),
    JSON.stringify(conversation),
    JSON.stringify({ id: "evt_4", event: "qpr_code.created", data: { id: code } }),
    JSON.stringify({ id: "evt_5", event: "subscription.upgraded", data: { id: "sub_1" } }),
    "no json",
    scanCreated("evt_3", { city: poison })
  ]
  for (const body of bodies) yield* deliver(webhook, signed(body))
  yield* deliver(webhook, { ...signed("{}"), signature: "sha256=0" })
  const firstOf = (path: string, name: string) =>
    poll(
      Effect.map(ask({ path }), (body) => body[name] as ReadonlyArray<Readonly<Record<string, unknown>>>),
      ({ length }) => length > 0
    ).pipe(Effect.map(([first]) => first ?? {}))
  yield* firstOf("/v1/scans", "scans")
  yield* firstOf("/v1/conversations", "conversations")
  yield* firstOf("/v1/qpr-codes", "qpr_codes")
  yield* firstOf("/v1/subscriptions", "subscriptions")
  yield* firstOf("/v1/models/countries", "rows")
  const letter = String((yield* firstOf("/v1/dead-letters", "dead_letters"))["id"])
  const { operation } = yield* ask({ path: "/v1/dead-letters/redrive", body: { ids: [letter], by } })
  return {
    event: event.id,
    letter,
    quarantined: Number((yield* firstOf("/v1/quarantine", "quarantined"))["sequence"]),
    rejection: String((yield* firstOf("/v1/rejections", "rejections"))["id"]),
    operation: String(operation)
  }
})

describe("the contract", () => {
  test(
    "passes a linter, and every documented response can be produced and matches its schema",
    Effect.gen(function*() {
      const nats = yield* Nats.start()
      const postgres = yield* Postgres.start
      yield* refusePoisonAt(postgres.url)
      const api = yield* answers([silence])
      const DATA_DIR = yield* newDataDir
      writeFileSync(`${DATA_DIR}/models.mjs`, `export default ${JSON.stringify(countries)}`)
      const { admin, webhook } = yield* serve({
        DATA_DIR,
        PROJECTIONS: `${DATA_DIR}/models.mjs`,
        THREEQPR_WEBHOOK_SECRET: Redacted.value(secret),
        NATS_URL: nats.url,
        NATS_TOKEN: nats.token,
        DATABASE_URL: postgres.url,
        ADMIN_TOKEN: token,
        THREEQPR_API_KEY: "3qpr_sk_live_of_the_tests",
        THREEQPR_API_URL: api.url
      })
      const call = (method: string, { body, path }: Call, status = 200, type?: string) =>
        sendOrListen(`${admin}${path}`, {
          method,
          headers: {
            ...headersFor(status),
            ...(body !== undefined && { "content-type": "application/json" })
          },
          ...(body !== undefined && { body: JSON.stringify(body) })
        }, type)
      const ask: Facts["ask"] = (asked) =>
        Effect.map(call(asked.body === undefined ? "GET" : "POST", asked), ({ body, status }) => {
          assert.isBelow(status, 300, `${asked.path}: ${JSON.stringify(body)}`)
          return body as Readonly<Record<string, unknown>>
        })

      const listen = Effect.acquireRelease(
        Effect.promise(async () => {
          const stop = new AbortController()
          await fetch(`${admin}/v1/live`, { headers: headersFor(200), signal: stop.signal })
          return stop
        }),
        (stop) => Effect.sync(() => stop.abort())
      )
      const document = (yield* call("GET", { path: "/openapi.json" })).body as Document
      assert.deepStrictEqual(yield* lint(document), [])

      const former = Effect.flatMap(
        SqlClient,
        (sql) =>
          sql`insert into projections (name, generation, version, tables) values ('former', 1, 1, '[]')
            on conflict do nothing`
      ).pipe(
        Effect.provide(Database.layer({ url: Redacted.make(postgres.url), dataDir: "" })),
        Effect.provide(platform),
        Effect.orDie,
        Effect.asVoid
      )
      const facts = { ask, former, listen: Effect.asVoid(listen), ...(yield* made(webhook, ask)) }
      const recipes = recipesFor(facts)
      const documented = documentedIn(document)
      const known = new Set(documented.map(({ operation }) => operation))
      for (const name of Object.keys(recipes)) assert.isTrue(known.has(name), `the contract has no ${name}`)
      const check = checkerOf(document)
      const callFor = ({ operation, status }: Documented) => {
        const recipe = recipes[operation]
        return (recipe && callOf(recipe, status)) ?? assert.fail(
          `The contract documents ${operation} ${status}, and no request here produces it. Add one to \`recipesFor\` `
            + "in test/e2e/Contract.test.ts, or take the response out of the contract."
        )
      }
      const produce = ({ method, operation, pointer, status, type }: Documented, asked: Call) =>
        Effect.map(call(method, asked, status, type), ({ body, headers, status: given }) => {
          const what = `${operation} ${status}: ${JSON.stringify(body)}`
          assert.strictEqual(given, status, what)
          assert.include(headers.get("content-type") ?? "", type ?? "", what)
          // The schema of a stream describes its messages, not the whole body.
          if (type !== "text/event-stream") assert.isUndefined(check(pointer, body), what)
        })

      // Fails early if a documented response has no recipe.
      for (const one of documented) callFor(one)
      const needsEngines = ({ operation, status }: Documented) =>
        status !== 503 || recipes[operation]?.[503] !== undefined
      for (const one of documented.filter(needsEngines)) {
        yield* Effect.flatMap(callFor(one), (asked) => produce(one, asked))
      }
      const last = yield* Effect.forEach(
        documented.filter((one) => !needsEngines(one)),
        (one) => Effect.map(callFor(one), (asked) => ({ one, asked }))
      )
      yield* postgres.stop
      yield* nats.signal("SIGKILL")
      yield* Effect.forEach(last, ({ asked, one }) => produce(one, asked), { concurrency: 8, discard: true })
    }),
    180_000
  )
})
