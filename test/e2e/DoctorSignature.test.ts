// Runs: long, node first

import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { createHmac } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { threeqpr } from "../support/Serve.ts"

const secret = "whsec_of_the_tests"
const hex = (body: string, key = secret) => createHmac("sha256", key).update(body).digest("hex")

const compact = `{"id":"evt_1","event":"scan.created","data":{"id":"scan_1","city":"Zürich"}}`
const python = `{"id": "evt_1", "event": "scan.created", "data": {"id": "scan_1", "city": "Z\\u00fcrich"}}`

/** A folder with the body `compact` in `body.json`, and with the secret in the file where `serve` keeps it. */
class Folder extends Context.Service<Folder, string>()("test/Folder") {
  static readonly layer = Layer.effect(
    Folder,
    Effect.acquireRelease(
      Effect.sync(() => {
        const folder = mkdtempSync(`${tmpdir()}/threeqpr-doctor-`)
        writeFileSync(`${folder}/body.json`, compact)
        writeFileSync(`${folder}/webhook-secret`, `${secret}\n`)
        writeFileSync(`${folder}/old-secrets`, "whsec_older\n\nwhsec_oldest\n")
        return folder
      }),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    )
  )
}

const diagnosed = Effect.fnUntraced(
  function*(signature: string, args: ReadonlyArray<string> = [], input?: string) {
    const folder = yield* Folder
    const body = input === undefined ? `${folder}/body.json` : "-"
    return yield* threeqpr(
      ["doctor", "signature", "--body", body, "--signature", signature, ...args],
      { DATA_DIR: folder },
      input
    )
  }
)

layer(Folder.layer, { excludeTestServices: true })("threeqpr doctor signature", (it) => {
  it.effect("exits 0 and reports that the signature matches the configured secret", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* diagnosed(`sha256=${hex(compact)}`)
      assert.strictEqual(code, 0)
      assert.match(stdout, /^valid\n✓ The signature is valid: it was made with the active secret/)
      assert.strictEqual(stderr, "")
    }))

  it.effect("accepts the whole header line, the body from standard input, and --secret", () =>
    Effect.gen(function*() {
      for (const line of ["X-3QPR-Signature: ", "< x-3qpr-signature:"]) {
        const signature = `${line}sha256=${hex("any", "another")} `
        const { code, stdout } = yield* diagnosed(signature, ["--secret", "another"], "any")
        assert.strictEqual(code, 0, stdout)
        assert.include(stdout, "--secret")
      }
    }))

  it.effect("reads a secret from a file or standard input, so that it appears in no process list", () =>
    Effect.gen(function*() {
      const folder = yield* Folder
      const args = (file: string) => [
        "doctor",
        "signature",
        "--body",
        `${folder}/body.json`,
        "--signature",
        `sha256=${hex(compact, "another")}`,
        "--secret-file",
        file
      ]
      writeFileSync(`${folder}/another`, "another\r\n")
      assert.strictEqual((yield* threeqpr(args(`${folder}/another`))).code, 0)
      assert.strictEqual((yield* threeqpr(args("-"), {}, "another\n")).code, 0)
      const several = yield* threeqpr(args(`${folder}/old-secrets`))
      assert.strictEqual(several.code, 1)
      assert.include(several.stderr, "must contain one secret on one line")
      const both = yield* threeqpr([...args("-"), "--secret", "another"])
      assert.strictEqual(both.code, 2)
      assert.include(both.stderr, "--secret or --secret-file, not both")
    }))

  it.effect("exits 1 with the cause: what happened, and what to do", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* diagnosed(`sha256=${hex(python)}`)
      assert.strictEqual(code, 1)
      assert.match(stdout, /^invalid_signature\n✗ The signature is well formed, but/)
      assert.match(stdout, /^reserialised \(it matches the active secret\)\n! The signed body/m)
      assert.match(stdout, /^→ Configure every proxy between/m)
      for (const line of stdout.split("\n")) assert.isAtMost(line.length, 100)
      assert.strictEqual(stderr, "threeqpr: invalid_signature: one cause was found.\n")
    }))

  it.effect("recognises secrets that are no longer active, by their line in the file", () =>
    Effect.gen(function*() {
      const folder = yield* Folder
      const { code, stdout } = yield* diagnosed(
        `sha256=${hex(compact, "whsec_oldest")}`,
        ["--old-secrets-file", `${folder}/old-secrets`, "--json"]
      )
      assert.strictEqual(code, 1)
      const { causes, check, result } = JSON.parse(stdout)
      assert.deepStrictEqual([result, check, causes.length], ["invalid_signature", "matches", 1])
      assert.deepInclude(causes[0], { cause: "old_secret", secret: "old secret 2" })
      assert.containsAllKeys(causes[0], ["explanation", "remedy"])
      assert.notMatch(stdout, /whsec_old/)
    }))

  it.effect("lists the remaining possibilities when no known cause matches, also for malformed and repeated headers", () =>
    Effect.gen(function*() {
      const results = [
        [`sha256=${"0".repeat(64)}`, "invalid_signature", "matches"],
        ["sha256=12", "invalid_signature", "well_formed"],
        ["sha256=1, sha256=2", "ambiguous_signature", "single"]
      ] as const
      for (const [signature, result, check] of results) {
        const { code, stderr, stdout } = yield* diagnosed(signature, ["--json"])
        assert.strictEqual(code, 1)
        assert.deepInclude(JSON.parse(stdout), { result, check, causes: [] })
        assert.isNotEmpty(JSON.parse(stdout).remaining)
        assert.include(stderr, `${result}: no known cause was found.`)
      }
      const { stdout } = yield* diagnosed(`sha256=${"0".repeat(64)}`)
      assert.match(
        stdout,
        /^No known cause explains the signature\. Possible causes:\n· The request is forged/m
      )
    }))

  it.effect("prints neither the secret nor a valid signature", () =>
    Effect.gen(function*() {
      for (
        const signature of [hex(compact), `sha256=${hex(python)}`, "sha256=", `sha256=${hex(compact, "x")}`]
      ) {
        for (const args of [[], ["--json"], ["--secret", secret]]) {
          const { stderr, stdout } = yield* diagnosed(signature, args)
          for (const hidden of [secret, secret.slice(6), hex(compact), hex(python)]) {
            assert.notInclude(stdout + stderr, hidden)
          }
        }
      }
    }))

  it.effect("exits 1 on an unreadable file or an unknown secret, and 2 on invalid usage", () =>
    Effect.gen(function*() {
      const folder = yield* Folder
      const run = (...args: ReadonlyArray<string>) =>
        threeqpr(["doctor", "signature", ...args], { DATA_DIR: folder })
      const away = yield* run("--body", `${folder}/none`, "--signature", "x")
      assert.strictEqual(away.code, 1)
      assert.include(away.stderr, `--body ${folder}/none cannot be read`)
      const unknown = yield* run(
        "--body",
        `${folder}/body.json`,
        "--signature",
        "x",
        "--data-dir",
        `${folder}/none`
      )
      assert.strictEqual(unknown.code, 1)
      assert.include(unknown.stderr, "THREEQPR_WEBHOOK_SECRET")
      for (const [flag, args] of [["body", ["--signature", "x"]], ["signature", ["--body", "x"]]] as const) {
        const { code, stderr } = yield* run(...args)
        assert.strictEqual(code, 2)
        assert.include(stderr, `--${flag}`)
      }
    }))

  it.effect("has examples in its help", () =>
    Effect.gen(function*() {
      const { code, stdout } = yield* threeqpr(["doctor", "signature", "--help"])
      assert.strictEqual(code, 0)
      assert.match(stdout, /threeqpr doctor signature --body body\.json --signature/)
    }))
})
