import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Option } from "effect"
import { CliOutput, Command } from "effect/cli"
import type { HelpDoc } from "effect/cli/HelpDoc"
import { FetchHttpClient } from "effect/http"
import { command } from "../../src/Cli/Cli.ts"
import { DotEnv } from "../../src/Process/Config/DotEnv.ts"
import { code, table } from "./Markdown.ts"

/** The help of a command, and of each command below it. */
const helpOf = (path: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<HelpDoc>> =>
  Effect.gen(function*() {
    const shown: Array<HelpDoc> = []
    const capture = CliOutput.layerPresenter({
      present: (event) =>
        Effect.sync(() => {
          if (event._tag === "Help") shown.push(event.helpDoc)
        })
    })
    yield* Command.runWith(command, { version: "" })([...path, "--help"]).pipe(
      Effect.provide(
        Layer.mergeAll(capture, NodeServices.layer, FetchHttpClient.layer, Layer.succeed(DotEnv, ".env"))
      ),
      Effect.ignore
    )
    const below = shown.flatMap(({ subcommands = [] }) =>
      subcommands.flatMap(({ commands }) => commands.map(({ name }) => [...path, name]))
    )
    return [...shown, ...(yield* Effect.forEach(below, helpOf)).flat()]
  })

const section = ({ args = [], commandPath = [], description, examples = [], flags, usage }: HelpDoc) => {
  const parameters = [
    ...args.map(({ description, name, type }) => [code(`<${name}>`), type, describe(description)]),
    ...flags.map(({ aliases, description, name, type }) => [
      [`--${name}`, ...aliases].map(code).join(", "),
      type === "boolean" ? "" : type,
      describe(description)
    ])
  ]
  return [
    `## ${commandPath.join(" ")}`,
    `${description}.`,
    `\`\`\`\n${usage}\n\`\`\``,
    ...(parameters.length > 0 ? [table(["flag or argument", "value", "meaning"], parameters)] : []),
    ...(examples.length > 0
      ? [table(
        ["example", ""],
        examples.map(({ command, description }) => [code(command), description ?? ""])
      )]
      : [])
  ].join("\n\n")
}

const describe = (description: Option.Option<string>) => Option.getOrElse(description, () => "")

/** The reference of all commands, without groups that only have subcommands. */
export const commands = Effect.map(helpOf([]), ([, ...all]) =>
  all
    .filter(({ subcommands = [], flags, args = [] }) =>
      subcommands.length === 0 || flags.length + args.length > 0
    )
    .map(section).join("\n\n"))
