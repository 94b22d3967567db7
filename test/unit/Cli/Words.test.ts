// Runs: node first

import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { CliError, CliOutput, Command } from "effect/cli"
import { FetchHttpClient } from "effect/http"
import packageJson from "../../../package.json" with { type: "json" }
import { command } from "../../../src/Cli/Cli.ts"
import { DotEnv } from "../../../src/Process/Config/DotEnv.ts"

/** The output of a command line, and its usage errors. */
const shown = (...args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const events: Array<unknown> = []
    const errors: Array<string> = []
    const presenter = CliOutput.layerPresenter({
      present: (event) =>
        Effect.sync(() => {
          events.push(
            event._tag === "Version"
              ? `${event.name} ${event.version}`
              : { tag: event._tag, path: event.commandPath }
          )
          if (event._tag === "InvalidInvocation") errors.push(...event.errors.map(({ message }) => message))
        })
    })
    yield* Command.runWith(command, { version: packageJson.version })(args).pipe(
      Effect.catchIf(CliError.isCliError, () => Effect.void),
      Effect.provide(
        Layer.mergeAll(presenter, NodeServices.layer, FetchHttpClient.layer, Layer.succeed(DotEnv, ".env"))
      )
    )
    return { events, errors }
  })

describe("help and version as commands", () => {
  it.live("help shows the same as --help for each command", () =>
    Effect.gen(function*() {
      for (const path of [[], ["serve"], ["events", "tail"], ["doctor", "signature"]]) {
        const expected = [{ tag: "Help", path: ["threeqpr", ...path] }]
        assert.deepStrictEqual((yield* shown("help", ...path)).events, expected)
        assert.deepStrictEqual((yield* shown(...path, "--help")).events, expected)
      }
    }))

  it.live("help names an unknown command and suggests the nearest one", () =>
    Effect.gen(function*() {
      const unknown = yield* shown("help", "evnts")
      assert.deepStrictEqual(unknown.events, [{ tag: "InvalidInvocation", path: ["threeqpr"] }])
      assert.match(unknown.errors.join(), /Unknown subcommand "evnts" for "threeqpr"[^]*events/)
      const below = yield* shown("help", "events", "tial")
      assert.match(below.errors.join(), /"tial" for "threeqpr events"[^]*tail/)
      // `help` treats an argument of the command as an unknown subcommand and does not run the command.
      const argument = yield* shown("help", "trigger", "scan.created")
      assert.match(argument.errors.join(), /"scan\.created" for "threeqpr trigger"/)
    }))

  it.live("version shows the same as --version", () =>
    Effect.gen(function*() {
      const expected = { events: [`threeqpr ${packageJson.version}`], errors: [] }
      assert.deepStrictEqual(yield* shown("version"), expected)
      assert.deepStrictEqual(yield* shown("--version"), expected)
    }))
})
