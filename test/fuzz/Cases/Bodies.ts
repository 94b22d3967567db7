import { Buffer } from "node:buffer"
import { brotliCompressSync, gzipSync } from "node:zlib"
import { between, bytesOf, type Kind, type Means, pick } from "../Case.ts"
import { authentic, delivery } from "../Request.ts"

/** Unusual bodies with a valid signature. All of them are stored, as an event or in quarantine. */
const unusual: Readonly<Record<string, (means: Means) => string | Uint8Array>> = {
  "no JSON": ({ ledger }) => `not JSON ${ledger.id()}`,
  "random bytes": ({ draw }) => bytesOf(draw, between(draw, 1, 300)),
  "empty body": () => "",
  "JSON without an envelope": ({ draw }) => pick(draw, ["null", "[]", "0", `""`, "{}", "true", "[[]]"]),
  "white space": ({ draw }) => " \n\t".repeat(between(draw, 1, 200)),
  "BOM": ({ ledger }) => `\uFEFF${ledger.event()}`,
  "invalid UTF-8": ({ ledger }) =>
    Buffer.concat([ledger.event({ city: "x" }).subarray(0, -3), Buffer.of(0xff, 0xc0), Buffer.from(`"}}`)]),
  "cut off": ({ draw, ledger }) => {
    const event = ledger.event()
    return event.subarray(0, between(draw, 1, event.length - 1))
  },
  "nested arrays": ({ draw, ledger }) => {
    const depth = pick(draw, [400, 499, 500, 501, 5_000, 50_000])
    return `{"id":"${ledger.id()}","event":"scan.created","data":{"id":"s","x":${"[".repeat(depth)}${
      "]".repeat(depth)
    }}}`
  },
  "500,000 nested arrays": () => "[".repeat(500_000) + "]".repeat(500_000),
  "duplicate keys": ({ ledger }) =>
    `{"id":"${ledger.id()}","id":"${ledger.id()}","event":"x","event":"scan.created","data":{"id":1,"id":"s"}}`,
  "__proto__": ({ ledger }) =>
    `{"__proto__":{"polluted":1},"id":"${ledger.id()}","event":"scan.created","data":{"id":"s",`
    + `"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}`,
  "huge numbers": ({ draw, ledger }) =>
    `{"id":"${ledger.id()}","event":"scan.created","data":{"id":"s","conversation_messages":${
      pick(draw, ["1e999", "-1e999", "1".repeat(400), "0.1e-400", "9007199254740993", "-0", "1e308"])
    }}}`,
  "NUL and surrogates": ({ draw, ledger }) =>
    `{"id":"${ledger.id()}","event":"scan.created","data":{"id":"s${
      pick(draw, ["\\u0000", "\\ud800", "\\udc00\\ud800"])
    }","city":"\\u0000"}}`,
  "odd ids": ({ draw, ledger }) =>
    JSON.stringify({
      id: pick<unknown>(draw, [
        "",
        " ",
        "a b",
        "é",
        "x".repeat(200),
        "x".repeat(201),
        "a\r\nNats-Msg-Id: b",
        "\u0000",
        1,
        null,
        {},
        `${ledger.id()}:*>.$`
      ]),
      event: "scan.created",
      data: { id: "s" }
    }),
  "odd types": ({ draw, ledger }) =>
    JSON.stringify({
      id: ledger.id(),
      event: pick<unknown>(draw, [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "*",
        ">",
        "a.>",
        "a b",
        "a\r\nce-id: b",
        "$JS.API.STREAM.DELETE.3QPR_EVENTS",
        "x".repeat(300),
        "x".repeat(100_000),
        "é",
        "\u0000",
        "__proto__",
        "constructor",
        "toString",
        1,
        null,
        ["scan.created"]
      ]),
      data: { id: "s" }
    }),
  "odd data": ({ draw, ledger }) =>
    JSON.stringify({
      id: ledger.id(),
      event: pick(draw, [
        "scan.created",
        "conversation.completed",
        "qpr_code.created",
        "subscription.upgraded"
      ]),
      data: pick<unknown>(draw, [
        null,
        1,
        "text",
        [],
        {},
        { id: null },
        { id: { id: "s" } },
        {
          id: "s",
          scanned_at: "the day after"
        },
        { id: "s", metadata: "none" },
        { id: "s", conversation_started: "yes" }
      ])
    }),
  "50,000 keys": ({ ledger }) =>
    JSON.stringify({
      id: ledger.id(),
      event: "scan.created",
      data: {
        id: 1,
        ...Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`k${index}`, index]))
      }
    }),
  "long strings": ({ draw, ledger }) =>
    ledger.event({ id: 1, city: pick(draw, ["\\", `"`, "é", "\n"]).repeat(between(draw, 1, 50_000)) })
}

const heavy = new Set(["500,000 nested arrays", "50,000 keys", "long strings"])

export const bodies: ReadonlyArray<Kind> = [
  ...Object.entries(unusual).map(([kind, body]): Kind => ({
    kind,
    weight: heavy.has(kind) ? 0.3 : 1,
    make: (means) => {
      const made = body(means)
      const bytes = typeof made === "string" ? Buffer.from(made) : made
      return { steps: [authentic(means, bytes)], answers: [[200]], bodies: [bytes] }
    }
  })),
  {
    kind: "compressed",
    weight: 2,
    make: (means) => {
      const { draw, ledger } = means
      const bomb = pick(draw, bombs)
      const encoding = pick(draw, [
        "gzip",
        "br",
        "deflate",
        "zstd",
        "gzip, identity",
        "identity, br",
        "x",
        "GZIP"
      ])
      const more = [`Content-Encoding: ${encoding}`]
      return { steps: [delivery(bomb, ledger.sign(bomb), more)], answers: [[415]] }
    }
  }
]

const bombs = [brotliCompressSync(Buffer.alloc(10_000_000)), gzipSync(Buffer.alloc(10_000_000))]
