// Runs: long

import { assert, describe } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { newStores } from "../support/Databases.ts"
import { test } from "../support/Live.ts"
import { freePort } from "../support/Port.ts"
import { running, serve, threeqpr } from "../support/Serve.ts"

const port = Effect.map(Effect.promise(freePort), String)

describe("everything on one machine", () => {
  test(
    "register, serve and deliver, without a loss although the receiver starts late and restarts",
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const stores = yield* newStores
      const [PORT, ADMIN_PORT] = [yield* port, yield* port]
      const simulating = yield* running(
        "simulate --api-port 0 --rate 60 --count 600 --speed 80 --seed e2e --faults duplicates,reordering --verify --json"
          .split(" "),
        { ADMIN_PORT }
      )
      const [, THREEQPR_API_URL = ""] =
        /at (http:\S+?)\. /.exec(yield* simulating.line("stderr", /API is at/)) ?? []
      const [, THREEQPR_API_KEY = ""] = /API_KEY=(\S+)/.exec(yield* simulating.line("stderr", /API_KEY=/)) ??
        []

      const envFile = `${stores.DATA_DIR}/.env`
      const registered = yield* threeqpr(
        ["register", "--url", `http://localhost:${PORT}/webhooks/3qpr`, "--write-env", envFile],
        { THREEQPR_API_KEY, THREEQPR_API_URL }
      )
      assert.strictEqual(registered.code, 0, registered.stderr)
      const [, THREEQPR_WEBHOOK_SECRET = ""] = /^THREEQPR_WEBHOOK_SECRET=(\S+)$/m.exec(
        yield* fs.readFileString(envFile)
      ) ?? []
      assert.match(THREEQPR_WEBHOOK_SECRET, /^whsec_/)
      assert.notInclude(registered.stdout + registered.stderr, THREEQPR_WEBHOOK_SECRET)

      // Deliveries have begun, and no receiver runs yet.
      yield* simulating.line("stderr", /^Nothing answers at/)
      const environment = { ...stores, PORT, ADMIN_PORT, THREEQPR_WEBHOOK_SECRET }
      const first = yield* serve(environment)
      yield* running(["events", "tail", "--admin-url", first.admin]).pipe(
        Effect.flatMap((tail) => tail.line("stdout", /scan\.created/)),
        Effect.scoped
      )
      assert.strictEqual(yield* first.end("SIGTERM"), 0)
      yield* serve(environment)

      const { code, stderr, stdout } = yield* simulating.ended
      assert.strictEqual(code, 0, stderr)
      const report = JSON.parse(stdout)
      assert.strictEqual(report.events, 600)
      assert.strictEqual(report.given_up, 0)
      assert.isAbove(report.retries, 0)
      assert.deepInclude(report.verification, { clean: true, projections: "caught up" })
      assert.notInclude(stdout + stderr, THREEQPR_WEBHOOK_SECRET)
    }),
    120_000
  )
})
