import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { answers, json } from "../support/Answers.ts"
import { newEmbeddedDataDir } from "../support/Databases.ts"
import { test } from "../support/Live.ts"
import { serve, threeqpr } from "../support/Serve.ts"

const dataDir = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(`${tmpdir()}/threeqpr-cli-`)),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
)

const takenPort = Effect.acquireRelease(
  Effect.callback<{ port: number; close: () => void }>((resume) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address ? address.port : 0
      resume(Effect.succeed({ port, close: () => server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

describe("threeqpr", () => {
  it.live("lists every command with --help, and prints its version", () =>
    Effect.gen(function*() {
      const help = yield* threeqpr(["--help"])
      assert.strictEqual(help.code, 0)
      for (
        const command of [
          "serve",
          "register",
          "status",
          "events",
          "projections",
          "dead-letters",
          "quarantine",
          "doctor",
          "trigger",
          "simulate"
        ]
      ) {
        assert.match(help.stdout, new RegExp(`^ +${command} `, "m"))
      }
      assert.match((yield* threeqpr(["--version"])).stdout, /0\.1\.0/)
    }))

  it.live("exits 2 on wrong usage", () =>
    Effect.gen(function*() {
      for (
        const args of [
          ["dance"],
          ["trigger", "scan.created", "--wrong"],
          ["serve", "--role", "cook"],
          ["status", "--admin-url", "127.0.0.1:3001"]
        ]
      ) {
        const { code, stderr } = yield* threeqpr(args)
        assert.strictEqual(code, 2, args.join(" "))
        assert.match(stderr, /ERROR/, args.join(" "))
      }
    }))
})

describe("threeqpr serve", () => {
  it.live("creates its own webhook secret, readable by the owner only, which trigger finds", () =>
    Effect.gen(function*() {
      const DATA_DIR = yield* newEmbeddedDataDir
      const { logs, webhook } = yield* serve({ DATA_DIR })
      const { mode, size } = statSync(`${DATA_DIR}/webhook-secret`)
      assert.strictEqual(mode & 0o777, 0o600)
      assert.isAbove(size, 32)
      assert.isFalse(logs.some((line) => line.includes("whsec_")))
      const { code, stdout } = yield* threeqpr(["trigger", "scan.created", "--url", webhook], { DATA_DIR })
      assert.strictEqual(code, 0)
      assert.match(stdout, / 200 .* stored$/m)
    }).pipe(Effect.scoped))

  it.live("exits 1 on an invalid setting, a taken port or a data folder in use, and says what to do", () =>
    Effect.gen(function*() {
      const DATA_DIR = yield* dataDir
      const wrong = yield* threeqpr(["serve"], { DATA_DIR, PORT: "http" })
      assert.strictEqual(wrong.code, 1)
      assert.match(wrong.stderr, /PORT is "http"; allowed is a whole number from 0 to 65535/)
      const open = yield* threeqpr(["serve"], { DATA_DIR: `${DATA_DIR}/none`, ADMIN_HOST: "0.0.0.0" })
      assert.strictEqual(open.code, 1)
      assert.match(open.stderr, /ADMIN_HOST is 0\.0\.0\.0.*Set ADMIN_TOKEN/)
      assert.isFalse(existsSync(`${DATA_DIR}/none`), "nothing is made before that")

      yield* serve({ DATA_DIR }, ["--role", "ingress"])
      const second = yield* threeqpr(["serve"], { DATA_DIR, PORT: "0", ADMIN_PORT: "0" })
      assert.strictEqual(second.code, 1)
      assert.match(second.stderr, /DATA_DIR/)

      const { port } = yield* takenPort
      const taken = yield* threeqpr(["serve", "--role", "ingress", "--host", "127.0.0.1"], {
        DATA_DIR: yield* dataDir,
        PORT: String(port),
        ADMIN_PORT: "0"
      })
      assert.strictEqual(taken.code, 1)
      assert.include(taken.stderr, `127.0.0.1:${port}`)
    }).pipe(Effect.scoped))

  test(
    "calls a server on this machine directly when the environment names a proxy",
    Effect.gen(function*() {
      const server = yield* answers([json(404, {})])
      yield* threeqpr(["status", "--admin-url", server.url], {
        HTTP_PROXY: "http://127.0.0.1:1",
        NODE_USE_ENV_PROXY: "1"
      })
      assert.isAtLeast(server.requests.length, 1)
    }),
    30_000
  )
})
