// Runs: long, node first

import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted, type Scope } from "effect"
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as Account from "../../src/Provider/Simulator/Account.ts"
import { SimulatedApi } from "../../src/Provider/Simulator/Api.ts"
import { answers, json } from "../support/Answers.ts"
import { type Ended, threeqpr } from "../support/Serve.ts"

const key = "3qpr_sk_live_of_the_tests"
const url = "https://hooks.example.com/webhooks/3qpr"

const start = Effect.gen(function*() {
  const account = yield* Account.make()
  const layer = SimulatedApi.layer({
    account,
    host: "127.0.0.1",
    port: 0,
    key: Redacted.make(key),
    revokedKeys: [Redacted.make("3qpr_sk_revoked")],
    keysWithoutPlan: [Redacted.make("3qpr_sk_unpaid")]
  })
  const { url: apiUrl } = Context.get(yield* Layer.build(layer), SimulatedApi)
  const register = (args: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}) =>
    threeqpr(["register", ...args], { THREEQPR_API_URL: apiUrl, THREEQPR_API_KEY: key, ...environment })
  const secret = () => Redacted.value(account.webhooks().at(-1)?.secret ?? Redacted.make("none"))
  return { account, register, secret }
})

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(`${tmpdir()}/threeqpr-register-`)),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const test = (title: string, body: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(title, () => Effect.scoped(body))

const occurrences = (text: string, part: string) => text.split(part).length - 1

const noneShown = ({ stderr, stdout }: Ended) => {
  assert.notMatch(stdout + stderr, /whsec_/)
  assert.notInclude(stdout + stderr, key)
}

describe("threeqpr register", () => {
  test(
    "registers for all known event types and prints the secret once, to standard output",
    Effect.gen(function*() {
      const { account, register, secret } = yield* start
      const { code, stderr, stdout } = yield* register(["--url", url])
      assert.strictEqual(code, 0, stderr)
      const [webhook] = account.webhooks()
      assert.strictEqual(webhook?.url, url)
      assert.sameMembers([...webhook?.events ?? []], [
        "scan.created",
        "conversation.completed",
        "qpr_code.created",
        "subscription.upgraded",
        "subscription.cancelled"
      ])
      assert.strictEqual(occurrences(stdout, secret()), 1)
      assert.notInclude(stderr, secret())
      assert.match(stderr, /only once/)
      assert.match(stdout, new RegExp(`^id +${webhook?.id}$`, "m"))
      for (const line of stdout.split("\n")) assert.isAtMost(line.length, 80)
    })
  )

  test(
    "prints one JSON object with --json",
    Effect.gen(function*() {
      const { register, secret } = yield* start
      const { stdout } = yield* register(["--url", url, "--events", "scan.created", "--json"])
      assert.deepInclude(JSON.parse(stdout), {
        url,
        events: ["scan.created"],
        secret: secret(),
        active: true
      })
    })
  )

  test(
    "takes events in lists and repeatedly, removes duplicates, and warns of types that are unknown here",
    Effect.gen(function*() {
      const { account, register } = yield* start
      const args = ["--events", "scan.created, qpr_code.scanned", "--events", "scan.created,qpr_code.created"]
      const { code, stderr } = yield* register(["--url", url, ...args])
      assert.strictEqual(code, 0, stderr)
      assert.deepStrictEqual(account.webhooks()[0]?.events, [
        "scan.created",
        "qpr_code.scanned",
        "qpr_code.created"
      ])
      assert.match(stderr, /Unknown event types: qpr_code\.scanned\./)
      assert.include(stderr, "conversation.completed")
    })
  )

  test(
    "writes the secret into a new file that only its owner can read, and prints it nowhere",
    Effect.gen(function*() {
      const { register, secret } = yield* start
      const file = `${yield* folder}/.env`
      const ended = yield* register(["--url", url, "--write-env", file])
      assert.strictEqual(ended.code, 0, ended.stderr)
      assert.strictEqual(readFileSync(file, "utf8"), `THREEQPR_WEBHOOK_SECRET=${secret()}\n`)
      assert.strictEqual(statSync(file).mode & 0o777, 0o600)
      noneShown(ended)
    })
  )

  test(
    "replaces the secret in an existing file, keeps the rest, and warns when other users can read it",
    Effect.gen(function*() {
      const { register, secret } = yield* start
      const file = `${yield* folder}/.env`
      writeFileSync(file, "# mine\r\nexport THREEQPR_WEBHOOK_SECRET=\"old\"\r\nPORT=3000", { mode: 0o644 })
      const ended = yield* register(["--url", url, "--env-file", file, "--json"])
      assert.strictEqual(ended.code, 0, ended.stderr)
      assert.strictEqual(
        readFileSync(file, "utf8"),
        `# mine\r\nexport THREEQPR_WEBHOOK_SECRET=${secret()}\r\nPORT=3000`
      )
      assert.deepInclude(JSON.parse(ended.stdout), { url, env_file: file })
      assert.include(ended.stderr, `chmod 600 ${file}`)
      noneShown(ended)
    })
  )

  test(
    "registers nothing when the file cannot be written, and says why",
    Effect.gen(function*() {
      const { account, register } = yield* start
      const there = yield* folder
      for (const file of [there, `${there}/none/.env`]) {
        const { code, stderr } = yield* register(["--url", url, "--write-env", file])
        assert.strictEqual(code, 1)
        assert.include(stderr, `${file} cannot be written`)
      }
      assert.deepStrictEqual(account.webhooks(), [])
      assert.deepStrictEqual(readdirSync(there), [])
    })
  )

  test(
    "prints the secret and exits 1 when the file becomes unwritable after the registration",
    Effect.gen(function*() {
      const there = yield* folder
      const secret = "whsec_told_only_once"
      const server = yield* answers([(response, request) => {
        rmSync(there, { recursive: true, force: true })
        json(200, { id: "wh_1", url, events: ["scan.created"], secret })(response, request)
      }])
      const { code, stderr, stdout } = yield* threeqpr([
        "register",
        "--url",
        url,
        "--write-env",
        `${there}/.env`
      ], {
        THREEQPR_API_URL: server.url,
        THREEQPR_API_KEY: key
      })
      assert.strictEqual(code, 1)
      assert.strictEqual(occurrences(stdout, secret), 1)
      assert.match(stderr, /cannot be written.*is registered/)
      assert.notInclude(stderr, secret)
    })
  )

  test(
    "exits 2 on an address that 3QPR cannot call, and suggests tunnels",
    Effect.gen(function*() {
      const { account, register } = yield* start
      const real = { THREEQPR_API_URL: "https://api.3qpr.invalid" }
      const wrong = [
        register(["--url", "http://hooks.example.com/webhooks/3qpr"]),
        register(["--url", "hooks.example.com"]),
        register(["--url", "http://localhost:3000/webhooks/3qpr"], real),
        register(["--url", "https://localhost/webhooks/3qpr"], real)
      ]
      for (const { code, stderr } of yield* Effect.all(wrong, { concurrency: 2 })) {
        assert.strictEqual(code, 2, stderr)
        assert.match(stderr, /ngrok/)
        assert.match(stderr, /smee\.io/)
      }
      assert.deepStrictEqual(account.webhooks(), [])
      const simulated = yield* register(["--url", "http://localhost:3000/webhooks/3qpr"])
      assert.strictEqual(simulated.code, 0, simulated.stderr)
    })
  )

  test(
    "exits 2 without --url and on invalid event types",
    Effect.gen(function*() {
      const { account, register } = yield* start
      for (const args of [[], ["--url", url, "--events", ","], ["--url", url, "--events", "scan created"]]) {
        const { code, stderr } = yield* register(args)
        assert.strictEqual(code, 2, stderr)
        assert.match(stderr, /ERROR/)
      }
      assert.deepStrictEqual(account.webhooks(), [])
    })
  )

  test(
    "exits 1 on a missing, wrong, revoked or unpaid key, says what to do, and does not print the key",
    Effect.gen(function*() {
      const { account, register } = yield* start
      const meanings = {
        "": /THREEQPR_API_KEY is not set/,
        "3qpr_sk_wrong": /401.*THREEQPR_API_KEY/,
        "3qpr_sk_revoked": /403.*revoked/,
        "3qpr_sk_unpaid": /402.*plan/
      }
      for (const [key, meaning] of Object.entries(meanings)) {
        const { code, stderr, stdout } = yield* register(["--url", url], { THREEQPR_API_KEY: key })
        assert.strictEqual(code, 1)
        assert.match(stderr, meaning)
        assert.strictEqual(stdout, "")
        if (key !== "") assert.notInclude(stderr, key)
      }
      assert.deepStrictEqual(account.webhooks(), [])
    })
  )

  test(
    "exits 1 when the API cannot be reached, and names the host",
    Effect.gen(function*() {
      const { port } = yield* Effect.scoped(answers([]))
      const { register } = yield* start
      const { code, stderr } = yield* register(["--url", url], {
        THREEQPR_API_URL: `http://127.0.0.1:${port}`
      })
      assert.strictEqual(code, 1)
      assert.include(stderr, `127.0.0.1:${port} cannot be reached`)
    })
  )

  test(
    "shows examples with --help",
    Effect.gen(function*() {
      const { code, stdout } = yield* threeqpr(["register", "--help"])
      assert.strictEqual(code, 0)
      assert.match(stdout, /EXAMPLES[^]*threeqpr register --url https:[^]*--write-env \.env/)
    })
  )
})
