// Runs: long

import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { Buffer } from "node:buffer"
import { execFile, spawnSync } from "node:child_process"
import { chmodSync, readFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { promisify } from "node:util"
import * as Signature from "../../src/Signature/Signature.ts"
import { platform } from "../support/Broker.ts"
import { newEmbeddedDataDir, newStores } from "../support/Databases.ts"
import { deliver, send } from "../support/Http.ts"
import * as NatsProcess from "../support/NatsProcess.ts"
import { processesOf } from "../support/Processes.ts"
import { program, type Serve, serve, threeqpr } from "../support/Serve.ts"
import { scanCreated } from "../support/Webhook.ts"

/** `serve` with default settings, in a folder that every user can enter, like a person's working folder. */
class Default
  extends Context.Service<Default, Serve & { readonly dataDir: string; readonly secret: string }>()(
    "test/Default"
  )
{
  static readonly layer = Layer.effect(
    Default,
    Effect.gen(function*() {
      const dataDir = yield* newEmbeddedDataDir
      chmodSync(dataDir, 0o755)
      const server = yield* serve({ DATA_DIR: dataDir, ADMIN_WITHOUT_TOKEN: "false" })
      const secret = readFileSync(join(dataDir, "webhook-secret"), "utf8").trim()
      const body = Buffer.from(scanCreated("evt_1"))
      const signature = Signature.sign(body, Redacted.make(secret))
      assert.strictEqual((yield* deliver(server.webhook, { body, signature })).status, 200)
      return Default.of({ ...server, dataDir, secret })
    })
  ).pipe(Layer.provide(platform))
}

const tokenOf = (dataDir: string) => readFileSync(join(dataDir, "admin-token"), "utf8").trim()

const canBeAnother = process.platform === "linux" && process.getuid?.() === 0

/** Runs a bash script as a user without privileges, and returns its output. */
const asStranger = (script: string, ...args: ReadonlyArray<string>) => {
  const { error, stderr, stdout } = spawnSync(
    "setpriv",
    [
      "--reuid=65534",
      "--regid=65534",
      "--clear-groups",
      "--no-new-privs",
      "bash",
      "-c",
      script,
      "bash",
      ...args
    ],
    { encoding: "utf8", cwd: "/", env: { PATH: process.env["PATH"] }, timeout: 30_000 }
  )
  assert.isUndefined(error)
  return { stdout, stderr }
}

layer(Default.layer, { excludeTestServices: true, timeout: 120_000 })(
  "serve with the default settings",
  (it) => {
    it.effect("returns data and accepts commands only with its token", () =>
      Effect.gen(function*() {
        const { admin, dataDir, logs } = yield* Default
        const token = tokenOf(dataDir)
        assert.include(
          logs.join("\n"),
          `admin token: generated, in ${join(dataDir, "admin-token")}.`
        )
        assert.notInclude(logs.join("\n"), token)
        assert.notInclude(logs.join("\n"), "#sign-in=", "which is printed on terminals only")
        const forget = {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ event_id: "evt_1", by: "a stranger", reason: "none" })
        }
        for (const path of ["/v1/events?bodies=true", "/v1/scans", "/v1/live", "/metrics", "/openapi.json"]) {
          assert.strictEqual((yield* send(`${admin}${path}`)).status, 401, path)
        }
        assert.strictEqual((yield* send(`${admin}/v1/forget`, forget)).status, 401)
        for (const path of ["/livez", "/readyz", "/", "/docs"]) {
          assert.strictEqual((yield* send(`${admin}${path}`)).status, 200, path)
        }
        const mine = yield* send(`${admin}/v1/events`, { headers: { authorization: `Bearer ${token}` } })
        assert.strictEqual(mine.status, 200)
        assert.include(JSON.stringify(mine.body), "evt_1")
      }))

    it.effect("accepts the commands that use its data folder, and creates sign-in links for browsers", () =>
      Effect.gen(function*() {
        const { admin, dataDir } = yield* Default
        const here = { DATA_DIR: dataDir, ADMIN_PORT: new URL(admin).port }
        const status = yield* threeqpr(["status"], here)
        assert.strictEqual(status.code, 0, status.stderr)
        const doctor = yield* threeqpr(["doctor", "--json", "--url", admin], here)
        const checks: ReadonlyArray<{ readonly check: string; readonly state: string }> =
          JSON.parse(doctor.stdout).checks
        assert.strictEqual(checks.find(({ check }) => check === "private listener")?.state, "ok")
        const elsewhere = { ...here, DATA_DIR: join(dataDir, "none") }
        for (const command of ["status", "dashboard"]) {
          const { code, stderr } = yield* threeqpr([command], elsewhere)
          assert.strictEqual(code, 1)
          assert.match(stderr, /answers 401: a bearer token is required.*ADMIN_TOKEN.*DATA_DIR/s)
        }

        const { code, stdout } = yield* threeqpr(["dashboard"], here)
        assert.strictEqual(code, 0)
        const link = new URL(stdout.trim())
        assert.strictEqual(link.origin, admin)
        const exchange = send(`${admin}/dashboard/sign-in`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ code: link.hash.replace("#sign-in=", "") })
        })
        assert.deepInclude(yield* exchange, { status: 200, body: { token: tokenOf(dataDir) } })
        assert.strictEqual((yield* exchange).status, 401)
      }))

    it.effect.skipIf(!canBeAnother)(
      "gives another user of the machine no read or write access (needs root, to become that user)",
      () =>
        Effect.gen(function*() {
          const { admin, dataDir, logs, secret } = yield* Default
          // Checks that the script can list the folder at all.
          const self = asStranger(`id -u; find "$1" -maxdepth 0 -readable`, dataDir)
          assert.deepStrictEqual(self, { stdout: `65534\n${dataDir}\n`, stderr: "" })

          const files = asStranger(
            `find "$1" \\( -not -type d -o -writable \\) \\( -readable -o -writable \\) 2>/dev/null; true`,
            dataDir
          )
          assert.strictEqual(files.stdout, "", "files and sockets that it can read or write")

          const { port } = new URL(admin)
          const http = (request: string) =>
            asStranger(`exec 3<>/dev/tcp/127.0.0.1/$1; printf "$2" >&3; timeout 10 cat <&3`, port, request)
              .stdout
          assert.match(
            http(
              "GET /v1/events?bodies=true HTTP/1.1\\r\\nhost: localhost\\r\\nconnection: close\\r\\n\\r\\n"
            ),
            /^HTTP\/1\.1 401 /
          )
          const body = `{"event_id":"evt_1","by":"a stranger","reason":"none"}`
          assert.match(
            http(
              "POST /v1/forget HTTP/1.1\\r\\nhost: localhost\\r\\nconnection: close\\r\\ncontent-type: application/json"
                + `\\r\\ncontent-length: ${body.length}\\r\\n\\r\\n${body}`
            ),
            /^HTTP\/1\.1 401 /
          )

          const broker = /nats:\/\/127\.0\.0\.1:(\d+)/.exec(logs.join("\n"))?.[1] ?? ""
          // Only CONNECT is sent: the broker would close the connection with unread data, and its answer would be
          // lost.
          const nats = asStranger(
            `exec 3<>/dev/tcp/127.0.0.1/$1; read -r info <&3; printf 'CONNECT {}\\r\\n' >&3; timeout 10 cat <&3`,
            broker
          ).stdout
          assert.strictEqual(nats, "-ERR 'Authorization Violation'\r\n")

          const processes = asStranger(
            `cat /proc/[0-9]*/cmdline | tr '\\0' ' '; cat /proc/[0-9]*/environ 2>/dev/null`
          )
          const ours = yield* processesOf(dataDir).pipe(Effect.provide(platform))
          assert.isAbove(ours.length, 0)
          const connection = JSON.parse(readFileSync(join(dataDir, "nats", "connection.json"), "utf8"))
          for (const hidden of [secret, tokenOf(dataDir), connection.token]) {
            assert.isAbove(hidden.length, 16)
            assert.notInclude(processes.stdout, hidden)
          }
          const events = yield* send(`${admin}/v1/events/evt_1`, {
            headers: { authorization: `Bearer ${tokenOf(dataDir)}` }
          })
          assert.strictEqual(events.status, 200)
        })
    )
  }
)

const hasTerminals = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0

describe("serve on a terminal", () => {
  it.live.skipIf(!hasTerminals)(
    "prints a link that signs a browser in (needs Linux and `script`)",
    () =>
      Effect.gen(function*() {
        const { DATABASE_URL, DATA_DIR } = yield* newStores
        const broker = yield* NatsProcess.start()
        const terminal = join(DATA_DIR, "terminal")
        const run = `
        timeout 100 script -qefc "${program} serve" "$TERMINAL" >/dev/null </dev/null & script=$!
        until grep -qs 'ready in' "$TERMINAL" || ! kill -0 $script 2>/dev/null; do sleep 0.1; done
        kill $script; wait`
        yield* Effect.promise(() =>
          promisify(execFile)("bash", ["-c", run], {
            env: {
              PATH: process.env["PATH"],
              HOME: process.env["HOME"],
              TERMINAL: terminal,
              DATA_DIR,
              DATABASE_URL,
              NATS_URL: broker.url,
              NATS_TOKEN: broker.token,
              THREEQPR_WEBHOOK_SECRET: "whsec_of_the_terminal",
              PORT: "0",
              ADMIN_PORT: "0",
              NO_COLOR: "1"
            }
          })
        )
        const shown = readFileSync(terminal, "utf8")
        const url = /private listener: (\S+)/.exec(shown)?.[1] ?? ""
        assert.include(shown, "It works once, within 10 minutes")
        assert.match(shown, new RegExp(`^  ${url}/#sign-in=[\\w-]{40,}\\r?$`, "m"))
        assert.notInclude(shown, tokenOf(DATA_DIR))
      }).pipe(Effect.scoped, Effect.provide(platform))
  )
})
