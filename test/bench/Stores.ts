import { Context, Effect, Layer, Redacted } from "effect"
import { execFileSync, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { EventLog } from "../../src/EventLog/EventLog.ts"
import * as JetStream from "../../src/EventLog/JetStream.ts"
import { Nats } from "../../src/Nats/Nats.ts"
import { topology } from "../support/Log.ts"
import * as NatsProcess from "../support/NatsProcess.ts"
import { freePort } from "../support/Port.ts"
import * as Postgres from "../support/Postgres.ts"
import type { Store } from "./Contest.ts"
import { type Program, stop } from "./Program.ts"

/** A nats-server with the stream that `serve` creates. Acknowledged entries survive a killed process. */
export const broker = Effect.gen(function*() {
  const server = yield* NatsProcess.start()
  const log = yield* Layer.build(
    JetStream.layer(topology).pipe(
      Layer.provide(Nats.layer({ servers: [server.url], token: Redacted.make(server.token) }))
    )
  ).pipe(Effect.map((context) => Context.get(context, EventLog)), Effect.orDie)
  return {
    environment: { NATS_URL: server.url, NATS_TOKEN: server.token },
    pid: yield* server.pid,
    count: () => Effect.map(Effect.orDie(log.state), ({ entries }) => entries)
  } satisfies Store
})

/** Postgres 18 without syncs to disk. Committed rows survive a killed process, as with the broker. */
export const postgres = Effect.gen(function*() {
  const server = yield* Postgres.start
  return { environment: { DATABASE_URL: server.url }, pid: yield* server.pid, count } satisfies Store
})

/** Redis with an append-only file that is synced every second; undefined without `redis-server`. */
export const redis = Effect.gen(function*() {
  if (!onPath("redis-server")) return undefined
  const port = yield* Effect.promise(freePort)
  const server = yield* Effect.acquireRelease(
    Effect.promise(() => launchRedis(port)),
    ({ child, folder }) =>
      Effect.andThen(stop(child), Effect.sync(() => rmSync(folder, { recursive: true, force: true })))
  )
  return { environment: { REDIS_PORT: String(port) }, pid: server.child.pid, count } satisfies Store
})

/** Asks the peer for the count of its store. */
export const count = ({ url }: Program) =>
  Effect.promise(() => fetch(`${url}/count`).then(async (response) => Number(await response.text())))

const launchRedis = async (port: number) => {
  const folder = mkdtempSync(join(tmpdir(), "threeqpr-redis-"))
  const settings = [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--dir",
    folder,
    "--save",
    "",
    "--appendonly",
    "yes"
  ]
  const child = spawn("redis-server", settings, { stdio: ["ignore", "pipe", "inherit"] })
  for await (const chunk of child.stdout) {
    if (String(chunk).includes("Ready to accept connections")) break
  }
  child.stdout.resume()
  return { child, folder }
}

const onPath = (command: string) => {
  try {
    execFileSync(command, ["--version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}
