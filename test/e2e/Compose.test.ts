// Runs: long, node first

import { assert, describe } from "@effect/vitest"
import { Array as Arr, Effect, Scope } from "effect"
import { connect } from "nats"
import { readFileSync } from "node:fs"
import { stream } from "../../src/EventLog/Names.ts"
import * as Compose from "../support/Compose.ts"
import { newDatabase } from "../support/Databases.ts"
import { deliver, send } from "../support/Http.ts"
import { test } from "../support/Live.ts"
import * as NatsCluster from "../support/NatsCluster.ts"
import { type Serve, serve } from "../support/Serve.ts"
import { scanCreated, signed } from "../support/Webhook.ts"

const environment = {
  NATS_PASSWORD: "nats_of_the_tests",
  POSTGRES_PASSWORD: "postgres_of_the_tests",
  ADMIN_TOKEN: "admin_of_the_tests",
  THREEQPR_WEBHOOK_SECRET: "whsec_of_the_tests"
}

const { configs, services } = Compose.read(environment)
const cluster = Object.entries(services).filter(([, { profiles }]) => profiles.includes("cluster"))
const namesOf = (image: RegExp) =>
  cluster.filter(([, service]) => image.test(service.image)).map(([name]) => name)

/** The path that the image's HEALTHCHECK requests. */
const [, healthPath = ""] = /HEALTHCHECK[^"]*"http:\/\/127\.0\.0\.1:\$\{ADMIN_PORT:-3001\}([^"]+)"/.exec(
  readFileSync(new URL("../../Dockerfile", import.meta.url), "utf8")
) ?? []

const until200 = (url: string) =>
  Effect.tryPromise(() => fetch(url)).pipe(
    Effect.tap((response) => Effect.promise(() => response.body?.cancel() ?? Promise.resolve())),
    Effect.map(({ ok }) => ok),
    Effect.orElseSucceed(() => false),
    Effect.delay("100 millis"),
    Effect.repeat({ until: (healthy) => healthy }),
    Effect.timeout("60 seconds")
  )

/** Starts every service of the cluster profile once the services that it depends on are healthy, as Compose does. */
const up = Effect.gen(function*() {
  const members = yield* NatsCluster.make(namesOf(/^nats:/), configs.nats.content)
  const database = yield* newDatabase
  const url = (name: string) => members.find((member) => member.name === name)?.address ?? name
  const ours = new Map<string, Serve>()
  const healthyInOrder: Array<string> = []
  const starts = new Map<string, Effect.Effect<void, unknown>>()
  const scope = yield* Effect.scope

  const started = (name: string, service: Compose.Service): Effect.Effect<void, unknown, Scope.Scope> => {
    const member = members.find((member) => member.name === name)
    if (member !== undefined) {
      const [path = ""] = /\/healthz.*/.exec(service.healthcheck?.test.at(-1) ?? "") ?? []
      return Effect.andThen(member.start, until200(`${member.monitoring}${path}`))
    }
    // Uses the Postgres that already runs; `newDatabase` has created the database on it.
    if (service.image.startsWith("postgres:")) return Effect.void
    const { DATABASE_URL: _, NATS_URL = "", ...rest } = service.environment ?? {}
    return serve(
      {
        ...rest,
        NATS_URL: NATS_URL.replaceAll(/(nats-\d):4222/g, (_, name) => url(name)),
        DATABASE_URL: database,
        // These roles need no folder: in their containers no folder is writable.
        DATA_DIR: "/dev/null"
      },
      service.command?.slice(1)
    ).pipe(
      Effect.tap((running) => Effect.sync(() => ours.set(name, running))),
      Effect.flatMap(({ admin }) => until200(`${admin.replace("0.0.0.0", "127.0.0.1")}${healthPath}`))
    )
  }
  for (const [name, service] of cluster) {
    const start = Effect.gen(function*() {
      const needed = Object.keys(service.depends_on ?? {})
      yield* Effect.forEach(needed, (name) => starts.get(name) ?? Effect.die(`${name} is in no profile`), {
        concurrency: "unbounded"
      })
      yield* started(name, service)
      healthyInOrder.push(name)
    })
    starts.set(name, yield* Effect.cached(Effect.provideService(start, Scope.Scope, scope)))
  }
  yield* Effect.forEach(starts.values(), (start) => start, { concurrency: "unbounded" })
  return { members, ours, healthyInOrder }
})

describe("the services of docker-compose.yml, as processes on this machine", () => {
  test(
    "start in order, accept deliveries at both receivers, and continue after the stream's leader is killed",
    Effect.gen(function*() {
      const { healthyInOrder, members, ours } = yield* up
      const brokers = healthyInOrder.slice(0, 4)
      assert.sameMembers(brokers, ["nats-1", "nats-2", "nats-3", "postgres"])
      assert.sameMembers([...ours.keys()], ["ingress-1", "ingress-2", "projector-1", "projector-2", "admin"])

      const deliverAll = (prefix: string) =>
        Effect.forEach(
          ["ingress-1", "ingress-2"],
          (name) =>
            Effect.forEach(Arr.range(1, 20), (n) =>
              deliver(ours.get(name)?.webhook ?? "", signed(scanCreated(`evt_${prefix}_${name}_${n}`))).pipe(
                // Retries as 3QPR does: the answer is 503 while a leader is elected.
                Effect.delay("50 millis"),
                Effect.repeat({
                  until: ({ status }) =>
                    status === 200
                }),
                Effect.timeout("60 seconds")
              )),
          { concurrency: "unbounded", discard: true }
        )
      const scansAre = (total: number) =>
        send(`${ours.get("admin")?.admin}/v1/scans?limit=1`, {
          headers: { authorization: `Bearer ${environment.ADMIN_TOKEN}` }
        }).pipe(
          Effect.delay("100 millis"),
          Effect.repeat({ until: ({ body }) => (body as { readonly total: number }).total === total }),
          Effect.timeout("60 seconds")
        )

      yield* deliverAll("before")
      yield* scansAre(40)

      const leader = yield* leaderOf(members.map(({ address }) => address))
      assert.strictEqual(leader.replicas, 3)
      const killed = members.find(({ name }) => name === leader.name)
      assert.isDefined(killed)
      yield* killed?.kill ?? Effect.void
      yield* deliverAll("after")
      yield* scansAre(80)

      for (const [name, { end }] of ours) assert.strictEqual(yield* end("SIGTERM"), 0, name)
    }).pipe(Effect.orDie),
    240_000
  )
})

const leaderOf = (servers: Array<string>) =>
  Effect.acquireUseRelease(
    Effect.promise(() => connect({ servers, user: "threeqpr", pass: environment.NATS_PASSWORD })),
    (connection) =>
      Effect.promise(async () => {
        const { cluster, config } = await (await connection.jetstreamManager()).streams.info(stream)
        return { name: cluster?.leader, replicas: config.num_replicas }
      }),
    (connection) => Effect.promise(() => connection.close())
  )
