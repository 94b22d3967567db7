// Runs: long

import { assert, describe } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { newDatabase, newEmbeddedDataDirOnDisk } from "../support/Databases.ts"
import { deliver, send } from "../support/Http.ts"
import { test } from "../support/Live.ts"
import * as NatsProcess from "../support/NatsProcess.ts"
import { serve, threeqpr } from "../support/Serve.ts"
import { poll } from "../support/Until.ts"
import { scanCreated, secret, signed } from "../support/Webhook.ts"

const onDeno = process.versions["deno"] !== undefined
const checkout = fileURLToPath(new URL("../../", import.meta.url))

/** The flags that a script or task passes to the runtime. */
const flagsOf = (task: "start" | "start:external"): ReadonlyArray<string> => {
  const read = (file: string) => JSON.parse(readFileSync(`${checkout}${file}`, "utf8"))
  const command: string = onDeno ? read("deno.json").tasks[task] : read("package.json").scripts[task]
  // The program is built already. A `.` means the folder of the task, but a test runs in another folder.
  return command.replace(/^.*&& /, "").split(" ").filter((word) => word.startsWith("--")).map((flag) =>
    flag.replace(/=\.(?=,|$)/, `=${checkout}`)
  )
}

/** The flags that the images pass to the runtime. A fake `node` or `deno` prints its arguments. */
const flagsOfImage = (environment: Readonly<Record<string, string>>): ReadonlyArray<string> => {
  const folder = mkdtempSync(join(tmpdir(), "threeqpr-image-"))
  try {
    writeFileSync(join(folder, onDeno ? "deno" : "node"), `#!/bin/sh\nprintf '%s\\n' "$@"\n`, { mode: 0o755 })
    const env = { PATH: `${folder}:/usr/bin:/bin`, ...environment }
    const shown = execFileSync(`${checkout}bin/container.sh`, ["serve"], { env, encoding: "utf8" })
    return shown.split("\n").filter((line) => line.startsWith("--") && line !== "--quiet")
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const THREEQPR_WEBHOOK_SECRET = Redacted.value(secret)

/** Asserts that deliveries are answered and projected, and that the private listener serves them. */
const works = Effect.fnUntraced(
  function*({ admin, webhook }: { readonly admin: string; readonly webhook: string }) {
    assert.strictEqual((yield* deliver(webhook, signed(scanCreated("evt_1")))).status, 200)
    assert.strictEqual((yield* send(webhook, { method: "POST", body: "forged" })).status, 400)
    yield* poll(send(`${admin}/v1/scans`), ({ body }) => (body as { readonly total: number }).total === 1)
    for (const path of ["/v1/status", "/v1/rejections", "/v1/events", "/docs", "/metrics", "/readyz"]) {
      assert.strictEqual((yield* send(`${admin}${path}`)).status, 200, path)
    }
  }
)

/** The settings of an external broker and an external Postgres. */
const elsewhere = Effect.gen(function*() {
  const broker = yield* NatsProcess.start()
  return {
    NATS_URL: broker.url,
    NATS_TOKEN: broker.token,
    DATABASE_URL: yield* newDatabase,
    THREEQPR_WEBHOOK_SECRET
  }
})

/** Asserts that the program works with these runtime permissions, and exits 0 on SIGTERM. */
const worksWith = Effect.fnUntraced(
  function*(environment: Readonly<Record<string, string>>, permissions: ReadonlyArray<string>) {
    const running = yield* serve(environment, [], { permissions })
    yield* works(running)
    assert.strictEqual(yield* running.end("SIGTERM"), 0)
  }
)

/** Asserts that the embedded engines cannot start with these permissions. They write files and run programs. */
const forbidsEngines = Effect.fnUntraced(function*(permissions: ReadonlyArray<string>) {
  const { code, stderr } = yield* threeqpr(
    ["serve"],
    { DATA_DIR: yield* newEmbeddedDataDirOnDisk, PORT: "0", ADMIN_PORT: "0", THREEQPR_WEBHOOK_SECRET },
    "",
    { permissions }
  )
  assert.strictEqual(code, 1)
  assert.match(
    stderr,
    /DATA_DIR is ".*", (which Deno may not write to|which cannot be used: .*--allow-fs-write)/
  )
})

describe("serve with the permissions of its tasks", () => {
  test(
    "performs all tasks on the embedded engines",
    Effect.gen(function*() {
      const permissions = flagsOf("start")
      assert.notInclude(permissions, "--allow-all")
      if (onDeno) assert.includeMembers([...permissions], ["--no-prompt", "--allow-run"])
      yield* worksWith({ DATA_DIR: yield* newEmbeddedDataDirOnDisk, THREEQPR_WEBHOOK_SECRET }, permissions)
    })
  )

  test(
    "performs all tasks with external engines, and cannot run programs or write files",
    Effect.gen(function*() {
      const permissions = flagsOf("start:external")
      const names = permissions.filter((flag) => !flag.includes("--max-semi-space-size"))
        .map((flag) => flag.split("=", 1)[0])
      const allowed = onDeno
        ? ["--no-prompt", "--allow-net", "--allow-env", "--allow-read", "--allow-sys"]
        : ["--permission", "--allow-fs-read", "--allow-fs-read"]
      assert.deepStrictEqual(names, allowed)
      yield* worksWith(yield* elsewhere, permissions)
      yield* forbidsEngines(permissions)
    })
  )
})

describe("serve with the permissions of the images", () => {
  test(
    "performs all tasks on the embedded engines",
    Effect.gen(function*() {
      const DATA_DIR = yield* newEmbeddedDataDirOnDisk
      yield* worksWith({ DATA_DIR, THREEQPR_WEBHOOK_SECRET }, flagsOfImage({ DATA_DIR }))
    })
  )

  test(
    "performs all tasks with external engines, and cannot run programs or write files",
    Effect.gen(function*() {
      const environment = yield* elsewhere
      const permissions = flagsOfImage(environment)
      yield* worksWith(environment, permissions)
      yield* forbidsEngines(permissions)
    })
  )
})
