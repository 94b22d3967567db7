// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { threeqpr } from "../support/Serve.ts"

/** The completions that bash offers after these words. */
const offered = (script: string, ...words: ReadonlyArray<string>) => {
  const list = words.map((word) => `'${word}'`).join(" ")
  const { stderr, stdout } = spawnSync("bash", [
    "--norc",
    "-c",
    `
    ${script}
    COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; COMP_LINE="${
      words.join(" ")
    }"; COMP_POINT=\${#COMP_LINE}
    _threeqpr threeqpr "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD-1]}"
    printf '%s\\n' "\${COMPREPLY[@]}"`
  ], { encoding: "utf8" })
  assert.strictEqual(stderr, "")
  return stdout.trim().split("\n")
}

describe("threeqpr --completions", () => {
  it.live("completes commands, their subcommands and flags in bash", () =>
    Effect.gen(function*() {
      const { code, stdout } = yield* threeqpr(["--completions", "bash"])
      assert.strictEqual(code, 0)
      assert.includeMembers(offered(stdout, "threeqpr", ""), ["serve", "status", "events", "trigger"])
      assert.deepStrictEqual(offered(stdout, "threeqpr", "ev"), ["events"])
      assert.deepStrictEqual(offered(stdout, "threeqpr", "events", "ta"), ["tail"])
      assert.deepStrictEqual(offered(stdout, "threeqpr", "events", "list", "--bef"), ["--before"])
    }))

  it.live("completes event types, fault names and projection names in bash", () =>
    Effect.gen(function*() {
      const { stdout } = yield* threeqpr(["--completions", "bash"])
      assert.deepStrictEqual(offered(stdout, "threeqpr", "trigger", "sc"), ["scan.created"])
      assert.deepStrictEqual(offered(stdout, "threeqpr", "events", "list", "--type", "conv"), [
        "conversation.completed"
      ])
      assert.deepStrictEqual(offered(stdout, "threeqpr", "simulate", "--faults", "dup"), ["duplicates"])
      for (const command of ["rebuild", "verify"]) {
        assert.deepStrictEqual(offered(stdout, "threeqpr", "projections", command, "qpr"), ["qpr_codes"])
      }
    }))

  it.live.each(["zsh", "fish", "powershell"])(
    "prints a script for %s with commands, event types and projection names",
    (shell) =>
      Effect.gen(function*() {
        const { code, stdout } = yield* threeqpr(["--completions", shell])
        assert.strictEqual(code, 0)
        for (const word of ["serve", "status", "events", "trigger", "scan.created", "qpr_codes"]) {
          assert.include(stdout, word)
        }
      })
  )
})
