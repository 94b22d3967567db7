// Runs: long, node first

import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { deliver, send } from "../support/Http.ts"
import { test } from "../support/Live.ts"
import * as NatsProcess from "../support/NatsProcess.ts"
import * as Package from "../support/Package.ts"
import { environmentOf } from "../support/Packed.ts"
import { freePort } from "../support/Port.ts"
import { until } from "../support/Until.ts"
import { scanCreated, signed } from "../support/Webhook.ts"

/** Next.js is no dependency of the project, so the test installs it. */
const packages = [
  "next@16.4.6",
  "react@19.3.1",
  "react-dom@19.3.1",
  "typescript@5.9.3",
  "@types/node@24.19.2",
  "@types/react@19.3.3"
]

const guide = readFileSync(new URL("../../docs/web-handler.md", import.meta.url), "utf8")

/** The route of docs/web-handler.md. */
const route = /`app\/api\/webhooks\/3qpr\/route\.ts`:\n\n```ts\n(.*?)```/s.exec(guide)?.[1] ?? ""

const withoutTelemetry = { NEXT_TELEMETRY_DISABLED: "1" }

/** A Next.js app with that route, built as for production, beside the packed package. */
const builtApp = Effect.map(Package.install, ({ folder, run }) => {
  const api = join(folder, "app", "api", "webhooks", "3qpr")
  mkdirSync(api, { recursive: true })
  writeFileSync(join(api, "route.ts"), route)
  run(`npm install --silent --prefer-offline --no-audit --no-fund --ignore-scripts ${packages.join(" ")}`)
  run("npx next build", withoutTelemetry)
  return folder
})

/** How each runtime starts a program. */
const runtimes = { node: [], deno: ["run", "-A"] }

/** Starts an app until the scope ends, with every process that it starts. */
const start = (
  runtime: keyof typeof runtimes,
  folder: string,
  environment: Readonly<Record<string, string>>
) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const program = join("node_modules", "next", "dist", "bin", "next")
      return spawn(runtime, [...runtimes[runtime], program, "start", "--hostname", "127.0.0.1"], {
        cwd: folder,
        env: environmentOf({ ...withoutTelemetry, ...environment }),
        // Its own process group.
        detached: true,
        stdio: ["ignore", "inherit", "inherit"]
      })
    }),
    ({ pid }) =>
      Effect.sync(() => {
        try {
          process.kill(-(pid ?? 0), "SIGKILL")
        } catch {
          // They have all ended.
        }
      })
  )

/** Delivers to an app, checks its answers, and stops it. */
const accepts = Effect.fnUntraced(
  function*(runtime: keyof typeof runtimes, folder: string, environment: Readonly<Record<string, string>>) {
    const PORT = String(yield* Effect.promise(freePort))
    const app = yield* start(runtime, folder, { ...environment, PORT })
    const url = `http://127.0.0.1:${PORT}/api/webhooks/3qpr`
    const get = Effect.promise(() => fetch(url).then(({ status }) => status, () => undefined))
    assert.strictEqual(
      yield* until(`Next.js listens on ${runtime}`, get, (status) => status !== undefined),
      405
    )

    const id = `evt_${runtime}`
    const { body, signature } = signed(scanCreated(id))
    const answers = yield* Effect.forEach([
      deliver(url, { body, signature }),
      deliver(url, { body, signature }),
      deliver(url, signed(`{ ${runtime}`)),
      deliver(url, { body, signature: `sha256=${"0".repeat(64)}` }),
      send(url, { method: "POST", body: new Uint8Array(body) }),
      send(url, { method: "POST", body: "x".repeat(1_048_577) })
    ], (sent) => sent)
    assert.deepStrictEqual(answers.map(({ body, status }) => [status, body]), [
      [200, { ok: true, id, duplicate: false }],
      [200, { ok: true, id, duplicate: true }],
      [200, { ok: true, id: null, duplicate: false, quarantined: "invalid_json" }],
      [400, { error: "invalid_signature" }],
      [400, { error: "missing_signature" }],
      [413, { error: "body_too_large" }]
    ])
    const exited = once(app, "exit")
    process.kill(app.pid ?? 0, "SIGTERM")
    yield* Effect.promise(() => exited)
  },
  Effect.scoped
)

describe("a Next.js app with the route of the guide and the packed package", () => {
  test(
    "stores signed deliveries, refuses the others, and stops, on Node and on Deno",
    Effect.gen(function*() {
      const broker = yield* NatsProcess.start()
      const folder = yield* builtApp
      const environment = {
        NATS_URL: broker.url,
        NATS_TOKEN: broker.token,
        THREEQPR_WEBHOOK_SECRET: "whsec_of_the_tests"
      }
      yield* accepts("node", folder, environment)
      yield* accepts("deno", folder, environment)
    }),
    300_000
  )
})
