// Runs: long, node first

import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import * as Signature from "../../src/Signature/Signature.ts"
import { serve, threeqpr } from "../support/Serve.ts"
import { secret } from "../support/Webhook.ts"

/** A running ingress, the settings with which commands find it, and a folder for files. */
class Receiver extends Context.Service<Receiver, {
  readonly url: string
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
}>()("test/Receiver") {
  static readonly layer = Layer.effect(
    Receiver,
    Effect.gen(function*() {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(`${tmpdir()}/threeqpr-trigger-`)),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
      )
      // Without a configured secret `serve` creates one. The commands find it in the folder.
      const { webhook } = yield* serve({ DATA_DIR: folder }, ["--role", "ingress"])
      const environment = { DATA_DIR: folder, PORT: new URL(webhook).port }
      return { url: webhook, folder, environment }
    })
  )
}

interface Request {
  readonly signature: string | undefined
  readonly body: Buffer
}

/** A receiver that answers every request with one status, or never, and records the requests. */
const recorder = (status: number | undefined) =>
  Effect.acquireRelease(
    Effect.callback<{ url: string; requests: Array<Request>; close: () => void }>((resume) => {
      const requests: Array<Request> = []
      const server = createServer((request, response) => {
        const chunks: Array<Buffer> = []
        request.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", () => {
          const signature = request.headers[Signature.header]?.toString()
          requests.push({ signature, body: Buffer.concat(chunks) })
          if (status === undefined) return
          response.writeHead(status, { location: "/elsewhere" }).end("answered")
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        const close = () => {
          server.closeAllConnections()
          server.close()
        }
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}/`, requests, close }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

const trigger = Effect.fnUntraced(function*(args: ReadonlyArray<string>, input?: string | Uint8Array) {
  return yield* threeqpr(["trigger", ...args], (yield* Receiver).environment, input)
})

const lines = (stdout: string): ReadonlyArray<Record<string, unknown>> =>
  stdout.trim().split("\n").map((line) => JSON.parse(line))

layer(Receiver.layer, { excludeTestServices: true, timeout: "60 seconds" })("threeqpr trigger", (it) => {
  it.effect("delivers a realistic event of any type to the server on this machine, with the server's own secret", () =>
    Effect.gen(function*() {
      for (const type of ["scan.created", "conversation.completed", "qpr_code.created", "something.new"]) {
        const { code, stderr, stdout } = yield* trigger([type, "--json"])
        assert.strictEqual(code, 0, stderr)
        const [delivery] = lines(stdout)
        assert.deepInclude(delivery, { event: type, status: 200 })
        assert.deepInclude(JSON.parse(String(delivery?.["answer"])), { ok: true, duplicate: false })
        assert.isUndefined(JSON.parse(String(delivery?.["answer"])).quarantined)
      }
    }))

  it.effect("prints one line of at most 80 columns per delivery, --count events with different ids, --duplicate each twice", () =>
    Effect.gen(function*() {
      const { code, stdout } = yield* trigger(["scan.created", "--count", "3", "--duplicate"])
      assert.strictEqual(code, 0)
      const [heading, ...rows] = stdout.trimEnd().split("\n")
      assert.match(heading ?? "", /^event +status +ms +outcome$/)
      for (const row of rows) assert.isAtMost(row.length, 80)
      assert.lengthOf(rows, 6)
      assert.strictEqual(new Set(rows.map((row) => row.split(" ")[0])).size, 3)
      assert.lengthOf(rows.filter((row) => row.endsWith("  duplicate: stored before")), 3)
    }))

  it.effect("sets the fields of --override, and sends the data of --data", () =>
    Effect.gen(function*() {
      const { requests, url } = yield* recorder(200)
      const { folder } = yield* Receiver
      writeFileSync(`${folder}/data.json`, `{"id":"scan_of_mine","city":"Zürich"}`)
      const args = ["scan.created", "--url", url, "--override", "id=evt_mine", "--override"]
      yield* trigger([...args, "data.metadata.tags.0=x", "--data", `${folder}/data.json`])
      yield* trigger([...args, "data.id=7", "--data", "-"], `{"id":"scan_of_stdin"}`)
      assert.deepStrictEqual(requests.map(({ body }) => body.toString()), [
        `{"id":"evt_mine","event":"scan.created","data":{"id":"scan_of_mine","city":"Zürich","metadata":{"tags":["x"]}}}`,
        `{"id":"evt_mine","event":"scan.created","data":{"id":7}}`
      ])
    }).pipe(Effect.scoped))

  it.effect("sends an unknown type, and suggests a known one", () =>
    Effect.gen(function*() {
      const known = yield* trigger(["scan.created"])
      assert.strictEqual(known.stderr, "")
      const { code, stderr, stdout } = yield* trigger(["scan", "--json"])
      assert.strictEqual(code, 0)
      assert.match(stderr, /"scan" is not a known event type.*Did you mean scan\.created\?/)
      assert.deepInclude(lines(stdout)[0], { event: "scan", status: 200 })
    }))

  it.effect("sends exactly the bytes of --raw, signed unchanged", () =>
    Effect.gen(function*() {
      const { requests, url } = yield* recorder(200)
      const { folder } = yield* Receiver
      const bytes = Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x20, 0xff, 0x0d, 0x0a])
      writeFileSync(`${folder}/raw`, bytes)
      const args = ["--url", url, "--secret", "whsec_of_the_tests"]
      assert.strictEqual((yield* trigger(["--raw", `${folder}/raw`, ...args])).code, 0)
      assert.strictEqual((yield* trigger(["--raw", "-", ...args], bytes)).code, 0)
      for (const { body, signature } of requests) {
        assert.deepStrictEqual([...body], [...bytes])
        assert.strictEqual(signature, Signature.sign(bytes, secret))
      }
      assert.lengthOf(requests, 2)
    }).pipe(Effect.scoped))

  it.effect("exits 0 with --tamper or --unsigned when the delivery is refused", () =>
    Effect.gen(function*() {
      const tampered = yield* trigger(["scan.created", "--tamper", "--json"])
      assert.strictEqual(tampered.code, 0, tampered.stderr)
      assert.deepInclude(lines(tampered.stdout)[0], { status: 400, answer: `{"error":"invalid_signature"}` })
      assert.include(tampered.stderr, "The refusal is the expected result: --tamper changes the body")
      const unsigned = yield* trigger(["scan.created", "--unsigned", "--json"])
      assert.strictEqual(unsigned.code, 0, unsigned.stderr)
      assert.deepInclude(lines(unsigned.stdout)[0], { status: 400, answer: `{"error":"missing_signature"}` })
      assert.include(unsigned.stderr, "The refusal is the expected result: --unsigned sends no signature")
    }))

  it.effect("exits 1 with --tamper or --unsigned when the delivery is accepted, and says that it must not be", () =>
    Effect.gen(function*() {
      const { requests, url } = yield* recorder(200)
      for (const flag of ["--tamper", "--unsigned"]) {
        const { code, stderr } = yield* trigger(["scan.created", flag, "--url", url])
        assert.strictEqual(code, 1)
        assert.match(stderr, /1 of 1 deliveries were not refused with 400 or 401.*must not accept/)
      }
      assert.isUndefined(requests[1]?.signature)
    }).pipe(Effect.scoped))

  it.effect("exits 1 when a delivery is refused, says how to find the cause, and prints no secret", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* trigger(["scan.created", "--secret", "whsec_another"])
      assert.strictEqual(code, 1)
      assert.match(stdout, / 400 .* invalid_signature$/m)
      assert.match(stderr, /1 of 1 deliveries were not accepted/)
      assert.match(stderr, /--secret.*threeqpr doctor signature/)
      assert.notInclude(stdout + stderr, "whsec_another")
    }))

  it.effect("follows no redirect", () =>
    Effect.gen(function*() {
      const { requests, url } = yield* recorder(302)
      const { code, stdout } = yield* trigger(["scan.created", "--url", url, "--json"])
      assert.strictEqual(code, 1)
      assert.strictEqual(lines(stdout)[0]?.["status"], 302)
      assert.lengthOf(requests, 1)
    }).pipe(Effect.scoped))

  it.effect("exits 1 when the receiver does not answer, in time or at all, and says what to do", () =>
    Effect.gen(function*() {
      const url = "http://127.0.0.1:1/webhooks/3qpr"
      const away = yield* trigger(["scan.created", "--url", url])
      assert.strictEqual(away.code, 1)
      assert.include(away.stderr, `Nothing answers at ${url}. Start \`threeqpr serve\``)
      const silent = yield* recorder(undefined)
      const late = yield* trigger(["scan.created", "--url", silent.url])
      assert.strictEqual(late.code, 1)
      assert.include(late.stderr, `No answer from ${silent.url} within 10 seconds`)
    }).pipe(Effect.scoped))

  it.effect("exits 1 when no secret is known or a file cannot be used, and names it", () =>
    Effect.gen(function*() {
      const { folder } = yield* Receiver
      const unknown = yield* trigger(["scan.created", "--data-dir", `${folder}/none`])
      assert.strictEqual(unknown.code, 1)
      assert.include(unknown.stderr, "THREEQPR_WEBHOOK_SECRET")
      const missing = yield* trigger(["--raw", `${folder}/none`])
      assert.strictEqual(missing.code, 1)
      assert.include(missing.stderr, `--raw ${folder}/none cannot be read`)
      const broken = yield* trigger(["scan.created", "--data", "-"], "{")
      assert.strictEqual(broken.code, 1)
      assert.include(broken.stderr, "--data - is not JSON")
    }))

  it.effect("exits 2 on invalid usage and says why", () =>
    Effect.gen(function*() {
      const usages: ReadonlyArray<readonly [args: ReadonlyArray<string>, why: RegExp]> = [
        [[], /Missing required argument: type/],
        [["scan.created", "--count", "0"], /count/],
        [["scan.created", "--url", "localhost"], /an http:\/\/ or https:\/\/ address/],
        [["scan.created", "--override", "data.country"], /path=value/],
        [["scan.created", "--override", "event.x=1"], /event is "scan.created" and has no field "x"/],
        [["--raw", "-", "--override", "id=1"], /--raw sends the file unchanged/],
        [["--raw", "-", "--data", "-"], /--raw sends the file unchanged/],
        [["scan.created", "--unsigned", "--tamper"], /no signature that --tamper could break/],
        [["scan.created", "--unsigned", "--secret", "whsec_x"], /--unsigned signs nothing/],
        [["scan.created", "--unsigned", "--secret-file", "-"], /--unsigned signs nothing/],
        [["scan.created", "--data", "-", "--secret-file", "-"], /Standard input can be one of/]
      ]
      for (const [args, why] of usages) {
        const { code, stderr } = yield* trigger(args)
        assert.strictEqual(code, 2, args.join(" "))
        assert.match(stderr, why, args.join(" "))
      }
    }))

  it.effect("has examples in its help, which explains the result of --tamper", () =>
    Effect.gen(function*() {
      const { code, stdout } = yield* trigger(["--help"])
      assert.strictEqual(code, 0)
      assert.match(stdout, /threeqpr trigger scan.created --override data.country=CH/)
      assert.match(stdout.replaceAll(/\s+/g, " "), /Exits 0 when the receiver refuses it \(400 or 401\)/)
    }))
})
