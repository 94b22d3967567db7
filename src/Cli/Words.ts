import { Effect } from "effect"
import { Argument, CliError, CliOutput, Command } from "effect/cli"
import packageJson from "../../package.json" with { type: "json" }
import { nearestOf } from "../Process/Nearest.ts"

/** `threeqpr help [command]`: the same as `--help` after the command. */
export const help = (commands: ReadonlyArray<Command.Command.Any>) =>
  Command.make(
    "help",
    {
      path: Argument.String("command").pipe(
        Argument.withDescription("The command, such as events, or events tail"),
        Argument.variadic()
      )
    },
    ({ path }) => Effect.fail(asked(commands, path))
  ).pipe(
    Command.withDescription("Show the help of a command"),
    Command.withExamples([{
      command: "threeqpr help events tail",
      description: "The same as threeqpr events tail --help"
    }])
  )

/** `threeqpr version`: the same as `--version`. */
export const version = Command.make(
  "version",
  {},
  Effect.fnUntraced(function*() {
    const { present } = yield* CliOutput.Presenter
    yield* present({ _tag: "Version", name: "threeqpr", version: packageJson.version })
  })
).pipe(Command.withDescription("Show the version"))

/** The help of the command with this path, or an error that the command does not exist. */
const asked = (commands: ReadonlyArray<Command.Command.Any>, path: ReadonlyArray<string>) => {
  const found = ["threeqpr"]
  let below = commands
  for (const name of path) {
    const next = below.find((command) => command.name === name)
    if (next === undefined) {
      return new CliError.ShowHelp({ commandPath: found, errors: [unknown(name, found, below)] })
    }
    found.push(name)
    below = next.subcommands.flatMap(({ commands }) => commands)
  }
  return new CliError.ShowHelp({ commandPath: found, errors: [] })
}

const unknown = (name: string, parent: ReadonlyArray<string>, known: ReadonlyArray<Command.Command.Any>) => {
  const near = nearestOf(name, known.map((command) => command.name))
  return new CliError.UnknownSubcommand({
    subcommand: name,
    parent: [...parent],
    suggestions: near === undefined ? [] : [near]
  })
}
