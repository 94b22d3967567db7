// Runs: long

import { assert, describe } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { newDatabase, newEmbeddedDataDir } from "../support/Databases.ts"
import { deliver, send } from "../support/Http.ts"
import { test } from "../support/Live.ts"
import * as NatsProcess from "../support/NatsProcess.ts"
import { serve, threeqpr } from "../support/Serve.ts"
import { scanCreated, secret, signed } from "../support/Webhook.ts"

const onDeno = process.versions["deno"] !== undefined
const checkout = fileURLToPath(new URL("../../", import.meta.url))

/** The flags with which a script or task starts the runtime. */
const flagsOf = (task: "start" | "start:external"): ReadonlyArray<string> => {
  const read = (file: string) => JSON.parse(readFileSync(`${checkout}${file}`, "utf8"))
  const command: string = onDeno ? read("deno.json").tasks[task] : read("package.json").scripts[task]
  // The program was built before. A `.` is the folder of the task, and a test runs in another one.
  return command.replace(/^.*&& /, "").split(" ").filter((word) => word.startsWith("--")).map((flag) =>
    flag.replace(/=\.(?=,|$)/, `=${checkout}`)
  )
}

const THREEQPR_WEBHOOK_SECRET = Redacted.value(secret)

/** That what is delivered is answered, projected, and can be asked for. */
const works = Effect.fnUntraced(
  function*({ admin, webhook }: { readonly admin: string; readonly webhook: string }) {
    assert.strictEqual((yield* deliver(webhook, signed(scanCreated("evt_1")))).status, 200)
    assert.strictEqual((yield* send(webhook, { method: "POST", body: "forged" })).status, 400)
    yield* Effect.repeat(Effect.delay(send(`${admin}/v1/scans`), "10 millis"), {
      until: ({ body }) => (body as { readonly total: number }).total === 1
    })
    for (const path of ["/v1/status", "/v1/rejections", "/v1/events", "/docs", "/metrics", "/readyz"]) {
      assert.strictEqual((yield* send(`${admin}${path}`)).status, 200, path)
    }
  }
)

describe("serve with the permissions that its tasks give it", () => {
  test(
    "does all it has to on the embedded engines",
    Effect.gen(function*() {
      const permissions = flagsOf("start")
      assert.notInclude(permissions, "--allow-all")
      if (onDeno) assert.includeMembers([...permissions], ["--no-prompt", "--allow-run"])
      const running = yield* serve({ DATA_DIR: yield* newEmbeddedDataDir, THREEQPR_WEBHOOK_SECRET }, [], {
        permissions
      })
      yield* works(running)
      assert.strictEqual(yield* running.end("SIGTERM"), 0)
    })
  )

  test(
    "does all it has to with engines elsewhere, and can run and write nothing",
    Effect.gen(function*() {
      const permissions = flagsOf("start:external")
      const names = permissions.map((flag) => flag.split("=", 1)[0])
      const allowed = onDeno
        ? ["--no-prompt", "--allow-net", "--allow-env", "--allow-read", "--allow-sys"]
        : ["--permission", "--allow-fs-read", "--allow-fs-read"]
      assert.deepStrictEqual(names, allowed)
      const broker = yield* NatsProcess.start()
      const databaseUrl = yield* newDatabase
      const environment = {
        NATS_URL: broker.url,
        NATS_TOKEN: broker.token,
        DATABASE_URL: databaseUrl,
        THREEQPR_WEBHOOK_SECRET
      }
      const running = yield* serve(environment, [], { permissions })
      yield* works(running)
      assert.strictEqual(yield* running.end("SIGTERM"), 0)

      // What the embedded engines need is not to be had.
      const { code, stderr } = yield* threeqpr(
        ["serve"],
        { DATA_DIR: yield* newEmbeddedDataDir, PORT: "0", ADMIN_PORT: "0", THREEQPR_WEBHOOK_SECRET },
        "",
        { permissions }
      )
      assert.strictEqual(code, 1)
      assert.match(
        stderr,
        /DATA_DIR is ".*", (where Deno may not write|which cannot be used: .*--allow-fs-write)/
      )
    })
  )
})
