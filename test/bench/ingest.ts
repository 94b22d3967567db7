/**
 * Ingest through the real listener against a bare node:http handler that verifies, parses and awaits
 * `js.publish` (peers/bare.ts): paired, interleaved runs on one broker. Every 200 is counted in the stream.
 *
 *   npm run bench:ingest -- [--rounds 5] [--seconds 5] [--connections 64] [--json]
 */
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import { type ChildProcess, spawn } from "node:child_process"
import console from "node:console"
import { mkdtempSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { parseArgs } from "node:util"
import { EventLog } from "../../src/EventLog.ts"
import * as JetStream from "../../src/EventLog/JetStream.ts"
import { Nats } from "../../src/Nats.ts"
import { NatsServer } from "../../src/Nats/Server.ts"
import type { Load } from "./load.ts"

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "5" },
    connections: { type: "string", default: "64" },
    json: { type: "boolean", default: false }
  }
})

const secret = "whsec_of_the_benchmark"
const runtime = "Deno" in globalThis ? ["run", "-A"] : []

interface Contender {
  readonly name: string
  readonly url: string
  readonly runs: Array<Load>
}

const start = (script: string, args: ReadonlyArray<string>, environment: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [...runtime, new URL(script, import.meta.url).pathname, ...args], {
        env: { ...process.env, ...environment },
        stdio: ["ignore", "ignore", "inherit"]
      })
    ),
    (child) => Effect.promise(() => ended(child, () => child.kill("SIGTERM")))
  )

const ended = (child: ChildProcess, stop: () => void) =>
  new Promise<void>((resolve) => {
    child.once("exit", () => resolve())
    stop()
  })

const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address ? address.port : 0)))
  })
})

const load = (url: string, seconds: string) =>
  Effect.callback<Load>((resume) => {
    const script = new URL("./load.ts", import.meta.url).pathname
    const child = spawn(process.execPath, [...runtime, script, url, options.connections, seconds], {
      env: { ...process.env, THREEQPR_WEBHOOK_SECRET: secret },
      stdio: ["ignore", "pipe", "inherit"]
    })
    let output = ""
    child.stdout.on("data", (chunk) => void (output += String(chunk)))
    child.once("exit", () => resume(Effect.sync(() => JSON.parse(output))))
  })

const answers = (url: string) =>
  Effect.promise(() => fetch(url).then(() => true, () => false)).pipe(
    Effect.tap((up) => up ? Effect.void : Effect.sleep("100 millis")),
    Effect.repeat({ until: (up: boolean) => up })
  )

const contender = Effect.fnUntraced(
  function*(name: string, script: string, args: ReadonlyArray<string>, environment: Record<string, string>) {
    const port = yield* freePort
    yield* start(script, args, { ...environment, PORT: String(port), HOST: "127.0.0.1", ADMIN_PORT: "0" })
    const url = `http://127.0.0.1:${port}/webhooks/3qpr`
    yield* answers(url)
    const runs: Contender["runs"] = []
    return { name, url, runs }
  }
)

const program = Effect.gen(function*() {
  const server = yield* NatsServer
  const log = yield* EventLog
  const environment = {
    NATS_URL: server.url,
    NATS_TOKEN: Redacted.value(server.token),
    THREEQPR_WEBHOOK_SECRET: secret,
    LOG_LEVEL: "Warn"
  }
  const ours = yield* contender(
    "threeqpr-events",
    "../../src/main.ts",
    ["serve", "--role", "ingress"],
    environment
  )
  const bare = yield* contender("bare js.publish", "./peers/bare.ts", [], environment)
  for (const { url } of [ours, bare]) yield* load(url, "2")
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const { name, runs, url } of round % 2 === 0 ? [ours, bare] : [bare, ours]) {
      const before = (yield* log.state).entries
      const run = yield* load(url, options.seconds)
      const stored = (yield* log.state).entries - before
      if (stored !== run.ok || run.others > 0) {
        return yield* Effect.die(
          new Error(`${name}: ${run.ok} × 200 and ${run.others} others, ${stored} stored`)
        )
      }
      runs.push(run)
    }
  }
  report(server.version, ours, bare)
})

const report = (broker: string, ours: Contender, bare: Contender) => {
  const ratios = ours.runs.map((run, round) => run.perSecond / (bare.runs[round]?.perSecond ?? NaN))
  const rows = [ours, bare].map(({ name, runs }) => ({
    name,
    "requests/s": Math.round(median(runs.map((run) => run.perSecond))),
    "p50 ms": median(runs.map((run) => run.p50)).toFixed(1),
    "p99 ms": median(runs.map((run) => run.p99)).toFixed(1)
  }))
  const ratio = { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) }
  if (options.json) return console.log(JSON.stringify({ runtime: runtimeName, broker, rows, ratio }))
  console.table(rows)
  console.log(
    `ratio ${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)} to ${
      ratio.most.toFixed(2)
    } in ${ratios.length} pairs), `
      + `${options.connections} connections, ${runtimeName}, nats-server ${broker}, every 200 found in the stream`
  )
}

const runtimeName = runtime.length > 0 ? `Deno ${process.versions["deno"]}` : `Node ${process.versions.node}`

const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

const dataDir = mkdtempSync(`${tmpdir()}/threeqpr-bench-`)

const stack = Layer.unwrap(
  Effect.map(
    NatsServer,
    (server) =>
      JetStream.layer({ dedupWindow: 7_200_000, replicas: 1, syncsBeforeAck: server.syncsBeforeAck }).pipe(
        Layer.provideMerge(Nats.layer({ servers: [server.url], token: server.token }))
      )
  )
).pipe(
  Layer.provideMerge(NatsServer.layer({ dataDir, binary: process.env["NATS_SERVER_BIN"] })),
  Layer.provide([NodeServices.layer, FetchHttpClient.layer])
)

await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(stack)))
