// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { wrap } from "../../../src/Cli/Help.ts"

describe("help", () => {
  it("keeps lines that fit", () => {
    assert.strictEqual(wrap("one\n  two", 10), "one\n  two")
    assert.strictEqual(wrap("x".repeat(500), Infinity), "x".repeat(500))
  })

  it("indents continuation lines to the column of the text", () => {
    assert.strictEqual(
      wrap(`  --flag text    ${"words ".repeat(8)}end`, 60),
      [
        "  --flag text    words words words words words words words",
        "                 words end"
      ].join("\n")
    )
  })

  it("moves the text to the next line where that column would be too narrow", () => {
    assert.strictEqual(
      wrap(`  --flag <a|b|c|d>    ${"words ".repeat(9)}end`, 50),
      [
        "  --flag <a|b|c|d>",
        "      words words words words words words words",
        "      words words end"
      ].join("\n")
    )
  })

  it("loses no word", () => {
    const text = `  --flag <a|b|c|d>    ${Array.from({ length: 80 }, (_, word) => `w${word}`).join(" ")}`
    for (let columns = 30; columns < 200; columns += 7) {
      const lines = wrap(text, columns).split("\n")
      assert.strictEqual(lines.join(" ").split(/ +/).join(" "), text.split(/ +/).join(" "))
      for (const line of lines) assert.isAtMost(line.length, columns)
    }
  })
})
