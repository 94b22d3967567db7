// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { threeqpr } from "../support/Serve.ts"

/** What bash offers after these words, with our completions loaded. */
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
    _threeqpr
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

  it.live.each(["zsh", "fish", "powershell"])(
    "prints a script for %s that names every command",
    (shell) =>
      Effect.gen(function*() {
        const { code, stdout } = yield* threeqpr(["--completions", shell])
        assert.strictEqual(code, 0)
        for (const command of ["serve", "status", "events", "trigger"]) assert.include(stdout, command)
      })
  )
})
