import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Logger } from "effect"
import { pretty } from "../../../src/Cli/Events/ShowEvents.ts"
import {
  printable,
  printableIn,
  printableLine,
  printableWithColours
} from "../../../src/Process/Printable.ts"
import { lineOf } from "../../../src/Process/Telemetry.ts"

/** Characters that control a terminal: C0 except line feed and tab, DEL, C1, and bidirectional marks. */
const obeyed = [
  ...Array.from({ length: 0xa0 }, (_, code) => code).filter((code) =>
    (code < 0x20 && code !== 0x09 && code !== 0x0a) || code >= 0x7f
  ),
  0x061c,
  0x200e,
  0x200f,
  0x202a,
  0x202b,
  0x202c,
  0x202d,
  0x202e,
  0x2066,
  0x2067,
  0x2068,
  0x2069
]

describe("text from other systems on a terminal", () => {
  it("has an escape instead of each character that controls the terminal", () => {
    for (const code of obeyed) {
      const shown = `a\\u${code.toString(16).padStart(4, "0")}b`
      assert.strictEqual(printable(`a${String.fromCodePoint(code)}b`), shown)
    }
  })

  it("is otherwise unchanged", () => {
    const text = "Zürich 🏔 \u00a0 漢字 ‘’ \\u001b\n\tعربي עברית"
    assert.strictEqual(printable(text), text)
  })

  it("cannot break out of its line or table cell", () => {
    assert.strictEqual(printableLine("one\ntwo\tthree\r"), "one\\u000atwo\\u0009three\\u000d")
  })

  it("is escaped in every string of an answer, and other values are unchanged", () => {
    assert.deepStrictEqual(
      printableIn({
        id: "a\u001b[31m",
        size: 7,
        quarantined: null,
        problems: [{ path: "\u202e", ok: true }]
      }),
      { id: "a\\u001b[31m", size: 7, quarantined: null, problems: [{ path: "\\u202e", ok: true }] }
    )
  })

  it("keeps colour sequences only, where the program itself adds colours", () => {
    const red = "\u001b[31mred\u001b[0m"
    assert.strictEqual(
      printableWithColours(`${red}\u001b]0;title\u0007\u001b[2J\u009b31m`),
      `${red}\\u001b]0;title\\u0007\\u001b[2J\\u009b31m`
    )
  })

  it("is escaped in a body, JSON or not", () => {
    assert.strictEqual(pretty("\u001b]0;title\u0007\r\nx"), "\\u001b]0;title\\u0007\\u000d\nx")
    assert.strictEqual(pretty(`{"a":"\u009b\u202e","b":1}`), `{\n  "a": "\\u009b\\u202e",\n  "b": 1\n}`)
  })

  it.effect("is escaped in human-readable logs, including stack traces", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make((options) => void lines.push(lineOf(options)))
      yield* Effect.all([
        Effect.logWarning("from \u001b[31m\u009b"),
        Effect.logWarning("failed", Cause.fail(new Error("\u001b]0;x\u0007"))),
        Effect.logWarning("died", Cause.die(new Error("\u202e")))
      ]).pipe(Effect.provide(Logger.layer([logger])))
      assert.match(lines[0] ?? "", /WARN +from \\u001b\[31m\\u009b$/)
      assert.match(lines[1] ?? "", /failed: \\u001b\]0;x\\u0007$/)
      assert.include(lines[2] ?? "", "\\u202e")
      for (const line of lines) assert.notMatch(line, /[^\P{Cc}\n]|\u202e/u)
    }))
})
