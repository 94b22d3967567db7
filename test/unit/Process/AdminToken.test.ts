import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Redacted } from "effect"
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import * as AdminToken from "../../../src/Process/AdminToken.ts"
import { load } from "../../../src/Process/Config.ts"
import { platform } from "../../support/Broker.ts"
import { newDataDir } from "../../support/Databases.ts"

const settings = (environment: Record<string, string>) =>
  Effect.provideService(load(), ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: environment }))

const find = (environment: Record<string, string>) =>
  Effect.flatMap(settings(environment), AdminToken.findOrMake)

const refused = (environment: Record<string, string>) =>
  Effect.map(Effect.flip(find(environment)), ({ message }) => message)

const url = "http://127.0.0.1:3001"

/** The token that a command sends to this address. */
const sent = Effect.fnUntraced(function*(environment: Record<string, string>, to = url) {
  const { adminReadToken, adminToken } = yield* AdminToken.withKept(yield* settings(environment), to)
  return Redacted.value(adminToken ?? adminReadToken ?? Redacted.make("none"))
})

describe("the admin token", () => {
  it.live("is made at the first start, readable by its owner only, and kept", () =>
    Effect.gen(function*() {
      const DATA_DIR = join(yield* newDataDir, "data")
      const [made, other] = yield* Effect.all([find({ DATA_DIR }), find({ DATA_DIR })], {
        concurrency: "unbounded"
      })
      assert.strictEqual(made?.file, join(DATA_DIR, "admin-token"))
      const token = readFileSync(join(DATA_DIR, "admin-token"), "utf8")
      assert.match(token, /^[0-9a-f]{48}\n$/)
      assert.strictEqual(made && Redacted.value(made.token), token.trim())
      assert.deepStrictEqual(other, made)
      assert.deepStrictEqual(yield* find({ DATA_DIR }), made)
      if (process.platform !== "win32") {
        assert.strictEqual(statSync(join(DATA_DIR, "admin-token")).mode & 0o777, 0o600)
      }
    }).pipe(Effect.scoped, Effect.provide(platform)))

  it.live("is not created when one is set, or with ADMIN_WITHOUT_TOKEN", () =>
    Effect.gen(function*() {
      const DATA_DIR = join(yield* newDataDir, "data")
      const found = yield* find({ DATA_DIR, ADMIN_TOKEN: "token_of_an_operator" })
      assert.strictEqual(found && Redacted.value(found.token), "token_of_an_operator")
      assert.isUndefined(found?.file)
      assert.isUndefined(yield* find({ DATA_DIR, ADMIN_WITHOUT_TOKEN: "true" }))
      assert.isFalse(existsSync(DATA_DIR))
    }).pipe(Effect.scoped, Effect.provide(platform)))

  it.live("makes the start fail with a remedy if its file is invalid or cannot be created", () =>
    Effect.gen(function*() {
      const DATA_DIR = yield* newDataDir
      for (const text of ["", "short", `${"x".repeat(20)}\u0007`, `${"x".repeat(20)}\n${"y".repeat(20)}`]) {
        writeFileSync(join(DATA_DIR, "admin-token"), text)
        const message = yield* refused({ DATA_DIR })
        assert.match(
          message,
          /admin-token holds no token of at least 16 characters\. Remove the file.*ADMIN_TOKEN/
        )
        if (text !== "") assert.notInclude(message, text)
      }
      writeFileSync(join(DATA_DIR, "file"), "")
      assert.match(
        yield* refused({ DATA_DIR: join(DATA_DIR, "file", "below") }),
        /its token cannot be stored in DATA_DIR ".*below", .*You can also set ADMIN_TOKEN or ADMIN_TOKEN_FILE .*openssl rand -hex 24/
      )
    }).pipe(Effect.scoped, Effect.provide(platform)))

  it.live("is sent by commands with the same data folder, to this machine only, unless a token is set", () =>
    Effect.gen(function*() {
      const DATA_DIR = yield* newDataDir
      assert.strictEqual(yield* sent({ DATA_DIR }), "none")
      const kept = yield* find({ DATA_DIR })
      const token = kept === undefined ? "" : Redacted.value(kept.token)
      assert.isAbove(token.length, 40)
      for (const here of [url, "http://localhost:1", "http://[::1]:3001", "https://127.0.0.1"]) {
        assert.strictEqual(yield* sent({ DATA_DIR }, here), token, here)
      }
      for (
        const elsewhere of [
          "http://10.0.0.7:3001",
          "https://events.example.com",
          "http://localhost.evil.example"
        ]
      ) {
        assert.strictEqual(yield* sent({ DATA_DIR }, elsewhere), "none", elsewhere)
      }
      const ADMIN_TOKEN = "token_of_an_operator"
      assert.strictEqual(yield* sent({ DATA_DIR, ADMIN_TOKEN }), ADMIN_TOKEN)
      assert.strictEqual(yield* sent({ DATA_DIR, ADMIN_TOKEN }, "http://10.0.0.7:3001"), ADMIN_TOKEN)
      mkdirSync(join(DATA_DIR, "other"))
      assert.strictEqual(yield* sent({ DATA_DIR: join(DATA_DIR, "other") }), "none")
      chmodSync(join(DATA_DIR, "admin-token"), 0o644)
      assert.strictEqual(yield* sent({ DATA_DIR }), token)
    }).pipe(Effect.scoped, Effect.provide(platform)))
})
