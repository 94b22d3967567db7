// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import { Buffer } from "node:buffer"
import { createHash, createHmac } from "node:crypto"
import process from "node:process"
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib"
import { type Captured, diagnose } from "../../../src/Signature/SignatureDoctor.ts"

const secret = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cw"
const oldSecret = "whsec_01d"
const secrets = [
  { label: "active", secret: Redacted.make(secret) },
  { label: "second", secret: Redacted.make("whsec_second") },
  { label: "retired", secret: Redacted.make(oldSecret), old: true }
]

// Not Signature.sign: the findings must hold for any implementation of HMAC.
const mac = (body: string | Uint8Array, key: string | Uint8Array = secret, algorithm = "sha256") =>
  createHmac(algorithm, key).update(body).digest()
const header = (body: string | Uint8Array, key?: string | Uint8Array) =>
  `sha256=${mac(body, key).toString("hex")}`

const diagnosed = (
  sent: string | Uint8Array,
  signature: string | undefined,
  others: Partial<Captured> = {}
) => diagnose({ body: Buffer.from(sent), signature, secrets, ...others })

const causesOf = (sent: string | Uint8Array, signature: string, others?: Partial<Captured>) =>
  diagnosed(sent, signature, others).causes.map(({ cause, secret }) => `${cause} (${secret})`)

const compact =
  `{"id":"evt_1","event":"scan.created","data":{"id":"scan_1","city":"Zürich","tags":["a","b"],"empty":{}}}`
const python =
  `{"id": "evt_1", "event": "scan.created", "data": {"id": "scan_1", "city": "Z\\u00fcrich", "tags": ["a", "b"], "empty": {}}}`
const indented = (by: string) =>
  [
    "{",
    `${by}"id": "evt_1",`,
    `${by}"event": "scan.created",`,
    `${by}"data": {`,
    `${by}${by}"id": "scan_1",`,
    `${by}${by}"city": "Zürich",`,
    `${by}${by}"tags": [`,
    `${by}${by}${by}"a",`,
    `${by}${by}${by}"b"`,
    `${by}${by}],`,
    `${by}${by}"empty": {}`,
    `${by}}`,
    "}"
  ].join("\n")
const sorted =
  `{"data":{"city":"Zürich","empty":{},"id":"scan_1","tags":["a","b"]},"event":"scan.created","id":"evt_1"}`

describe("the signature doctor", () => {
  describe("agrees with the ingress", () => {
    it("about a valid signature, and names its secret", () => {
      const { causes, check, result, secret: label } = diagnosed(compact, header(compact, "whsec_second"))
      assert.deepStrictEqual({ causes, check, result, label }, {
        causes: [],
        check: "matches",
        result: "valid",
        label: "second"
      })
    })

    it.each([
      ["missing_signature", "present", undefined],
      ["ambiguous_signature", "single", "sha256=1,sha256=2"],
      ["invalid_signature", "well_formed", "sha256=12"],
      ["invalid_signature", "well_formed", ""],
      ["invalid_signature", "matches", `sha256=${"0".repeat(64)}`]
    ])("%s, failed at %s", (result, check, signature) => {
      const diagnosis = diagnosed(compact, signature)
      assert.deepInclude(diagnosis, { result, check, causes: [], complete: true } as never)
      assert.isNotEmpty(diagnosis.remaining)
      assert.isFalse("secret" in diagnosis)
    })
  })

  describe("finds a body that was", () => {
    it.each<[string, string, signed: string | Uint8Array, sent: string | Uint8Array]>([
      ["written by Python, rewritten compactly", "reserialised", python, compact],
      ["compact, rewritten by Python", "reserialised", compact, python],
      ["indented by two spaces", "reserialised", indented("  "), compact],
      ["indented by four spaces", "reserialised", indented("    "), compact],
      ["indented by tabs", "reserialised", indented("\t"), compact],
      ["compact, indented on the way", "reserialised", compact, `${indented("  ")}\n`],
      ["sorted by key", "reserialised", sorted, compact],
      ["escaped as ASCII", "reserialised", compact.replace("ü", "\\u00fc"), compact],
      ["escaped as PHP does", "reserialised", `{"url":"https:\\/\\/x\\/\\u00fc"}`, `{"url":"https://x/ü"}`],
      ["escaped as Go does", "reserialised", `{"a":"\\u003cb\\u003e \\u0026"}`, `{"a":"<b> &"}`],
      ["escaped as .NET does", "reserialised", `{"a":"\\u0022\\u003C\\u00FC"}`, `{"a":"\\"<ü"}`],
      ["unescaped on the way", "reserialised", compact, compact.replace("ü", "\\u00fc")],
      ["written with a repeated key and digits", "reserialised", `{"a": 1.0, "a": 2}`, `{"a":1.0,"a":2}`],
      ["written with whole numbers as such", "reserialised", `{"a":1}`, `{"a": 1.0}`],
      ["followed by a new line, trimmed on the way", "space_trimmed", `${compact}\n`, compact],
      ["saved by an editor that added a new line", "space_added", compact, `${compact}\n`],
      ["saved with spaces before it", "space_added", "not JSON", "  not JSON"],
      ["of Unix lines, sent with CRLF", "line_ends_changed", "a\nb", "a\r\nb"],
      ["of CRLF lines, sent with LF", "line_ends_changed", "a\r\nb", "a\nb"],
      ["given a byte order mark", "bom_added", "text", "\uFEFFtext"],
      ["robbed of its byte order mark", "bom_removed", `\uFEFF${compact}`, compact],
      ["compressed with gzip and kept so", "still_compressed", compact, gzipSync(compact)],
      ["compressed with deflate and kept so", "still_compressed", compact, deflateSync(compact)],
      ["compressed with brotli and kept so", "still_compressed", compact, brotliCompressSync(compact)],
      ["signed as gzip", "decompressed", gzipSync(compact), compact],
      ["signed as brotli", "decompressed", brotliCompressSync(compact), compact],
      ["read as Latin-1 and written as UTF-8", "charset_changed", "Zürich", Buffer.from("ZÃ¼rich")],
      ["read as Windows-1252 and written as UTF-8", "charset_changed", "5 €", Buffer.from("5 â‚¬")],
      ["written as Latin-1", "charset_changed", "Zürich", Buffer.from("Zürich", "latin1")],
      ["signed as UTF-16", "charset_changed", Buffer.from("hi", "utf16le"), "hi"],
      ["signed decomposed", "charset_changed", "Zu\u0308rich", "Zürich"],
      ["not there when it was signed", "empty_body_signed", "", compact],
      [
        "signed by its digest",
        "digest_signed",
        createHash("sha256").update(compact).digest("hex"),
        compact
      ],
      ["handed on as base64", "body_encoded_here", compact, Buffer.from(compact).toString("base64")],
      ["signed as base64", "body_encoded_there", Buffer.from(compact).toString("base64"), compact],
      ["encoded as JSON twice", "double_encoded_here", `{"a":"b"}`, `"{\\"a\\":\\"b\\"}"`],
      ["signed as a JSON text", "double_encoded_there", `"{\\"a\\":\\"b\\"}"`, `{"a":"b"}`],
      ["sent as a form", "form_here", `{"a":"b c"}`, "payload=%7B%22a%22%3A%22b+c%22%7D"],
      ["signed as a form", "form_there", "payload=%7B%22a%22%3A%22b+c%22%7D", `{"a":"b c"}`]
    ])("%s: %s", (_, cause, signed, sent) => {
      assert.deepStrictEqual(causesOf(sent, header(signed)), [`${cause} (active)`])
    })

    it("names the JSON format that was signed", () => {
      const [found] = diagnosed(compact, header(python)).causes
      assert.include(found?.explanation, "as Python's json.dumps writes it, other than ASCII as \\u")
    })
  })

  describe("finds a secret that was", () => {
    it.each<[string, string, key: string | Uint8Array, known: string]>([
      ["quoted here", "secret_surrounded_here", "s3cret", `"s3cret"`],
      ["read here with its new line", "secret_surrounded_here", "s3cret", "s3cret\n"],
      ["read there with its new line", "secret_surrounded_there", "s3cret\n", "s3cret"],
      ["read there with its Windows line end", "secret_surrounded_there", "s3cret\r\n", "s3cret"],
      ["quoted there", "secret_surrounded_there", `'s3cret'`, "s3cret"],
      ["stripped of its prefix there", "secret_prefix_left_out", "s3cret", "whsec_s3cret"],
      ["stripped of its prefix here", "secret_prefix_missing_here", "whsec_s3cret", "s3cret"],
      ["decoded as hex", "secret_decoded_as_hex", new Uint8Array([0xde, 0xad, 0xbe, 0xef]), "whsec_deadbeef"],
      [
        "decoded as base64",
        "secret_decoded_as_base64",
        Buffer.from("the key of it"),
        `whsec_${Buffer.from("the key of it").toString("base64")}`
      ],
      [
        "decoded as base64url",
        "secret_decoded_as_base64",
        Buffer.from([251, 255, 190, 251, 255, 190]),
        "-_---_--"
      ],
      ["empty", "empty_secret", "", "s3cret"]
    ])("%s: %s", (_, cause, key, known) => {
      const secrets = [{ label: "the one", secret: Redacted.make(known) }]
      const label = cause === "empty_secret" ? "an empty secret" : "the one"
      assert.deepStrictEqual(causesOf(compact, header(compact, key), { secrets }), [`${cause} (${label})`])
    })

    it("retired: old_secret", () => {
      assert.deepStrictEqual(causesOf(compact, header(compact, oldSecret)), ["old_secret (retired)"])
    })
  })

  describe("finds a header that is", () => {
    const hex = mac(compact).toString("hex")
    it.each<[string, string, string]>([
      ["base64", "base64_digest", `sha256=${mac(compact).toString("base64")}`],
      ["base64url", "base64_digest", `sha256=${mac(compact).toString("base64url")}`],
      ["base64 of the hex digits", "base64_of_hex", `sha256=${Buffer.from(hex).toString("base64")}`],
      ["without its prefix", "prefix_missing", hex],
      ["with an upper-case prefix", "prefix_wrong", `SHA256=${hex}`],
      ["with a prefix of another scheme", "prefix_wrong", `v1=${hex}`],
      ["SHA-1", "other_algorithm", `sha1=${mac(compact, secret, "sha1").toString("hex")}`],
      ["SHA-512", "other_algorithm", `sha512=${mac(compact, secret, "sha512").toString("hex")}`],
      ["quoted", "wrapped_header", `"sha256=${hex}"`],
      ["followed by a space", "wrapped_header", `sha256=${hex} `],
      ["cut off", "cut_digest", `sha256=${hex.slice(0, 41)}`],
      ["too long", "long_digest", `sha256=${hex}00`],
      ["there twice", "repeated_header", `sha256=${hex}, sha256=${hex}`]
    ])("%s: %s", (_, cause, signature) => {
      assert.deepStrictEqual(causesOf(compact, signature), [`${cause} (active)`])
    })

    it("but not one of only a few digits, which could match by chance", () => {
      assert.deepStrictEqual(causesOf(compact, `sha256=${hex.slice(0, 8)}`), [])
    })
  })

  it("finds a combination of a wrong body, a wrong secret and a wrong header", () => {
    const signature = mac(python, secret.slice("whsec_".length)).toString("base64")
    assert.deepStrictEqual(causesOf(compact, `sha256=${signature}`), [
      "reserialised+secret_prefix_left_out+base64_digest (active)"
    ])
  })

  it("lists the remaining possibilities when nothing matches, and names no cause", () => {
    const { causes, complete, remaining } = diagnosed(compact, header(compact, "another's"))
    assert.deepStrictEqual(causes, [])
    assert.isTrue(complete)
    assert.match(remaining.join("\n"), /forged.*\n.*not known here.*\n.*raw bytes/)
  })

  it("shows neither a secret nor a digest, whatever it finds", () => {
    const signed = [compact, python, "", gzipSync(compact)]
    const keys = [secret, oldSecret, secret.slice(6), Buffer.from(secret.slice(6), "base64"), "unknown"]
    const digests = [secret, oldSecret, "whsec_second"].flatMap((key) => signed.map((body) => mac(body, key)))
    const hidden = [
      secret.slice(6),
      oldSecret,
      "whsec_second",
      ...digests.flatMap((digest) => [digest.toString("hex"), digest.toString("base64")])
    ]
    for (const body of signed) {
      for (const key of keys) {
        for (const signature of [header(body, key), mac(body, key).toString("hex"), "sha256=", undefined]) {
          const shown = JSON.stringify(diagnosed(compact, signature)).toLowerCase()
          for (const text of hidden) assert.notInclude(shown, text.toLowerCase())
        }
      }
    }
  })

  describe("bounds its work on", () => {
    const forged = header("forged", "unknown")
    // Measures CPU time, which other programs do not affect.
    const within = (millis: number, body: Uint8Array) => {
      const before = process.cpuUsage()
      const diagnosis = diagnosed(body, forged)
      const { system, user } = process.cpuUsage(before)
      assert.isBelow((system + user) / 1_000, millis)
      return diagnosis
    }

    it("a compression bomb of 50 MiB", () => {
      within(5_000, brotliCompressSync(Buffer.alloc(50 * 1024 * 1024)))
    })

    it("a megabyte of white space", () => {
      within(5_000, Buffer.from(`${" ".repeat(500_000)}x${" ".repeat(500_000)}x`))
    })

    it("a megabyte of JSON, and reports that it did not try everything", () => {
      const body = Buffer.from(JSON.stringify(Array.from({ length: 90_000 }, (_, index) => `ä${index}`)))
      assert.isBelow(body.length, 1024 * 1024)
      assert.isFalse(within(15_000, body).complete)
    })

    it("JSON that is nested deeper than any event", () => {
      assert.strictEqual(within(5_000, Buffer.from("[".repeat(5_000) + "]".repeat(5_000))).causes.length, 0)
    })

    it("a body of 32 MiB, but still examines the header", () => {
      const body = Buffer.alloc(32 * 1024 * 1024, "x")
      assert.deepStrictEqual(causesOf(body, mac(body).toString("hex")), ["prefix_missing (active)"])
    })
  })
})
