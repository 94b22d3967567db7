import { Console, Effect, Option } from "effect"
import { CliConfig, Completions, GlobalFlag } from "effect/cli"
import { knownTypes } from "../Domain/Event.ts"
import { listedCode } from "../Domain/QprCode.ts"
import { faultNames } from "../Provider/Simulator/Faults.ts"

/** The projections that `serve` runs. Commands do not load the projector, so a test compares the two lists. */
export const projectionNames: ReadonlyArray<string> = ["scans", "conversations", "qpr_codes", "subscriptions"]

/** Values that a shell suggests for a flag, in every command. Other values stay valid. */
const ofFlags: Readonly<Record<string, ReadonlyArray<string>>> = {
  type: [...knownTypes, listedCode],
  faults: ["all", ...faultNames]
}

/** Values that a shell suggests for an argument, by the path of its command. */
const ofArguments: Readonly<Record<string, ReadonlyArray<string>>> = {
  "trigger type": knownTypes,
  "projections rebuild name": projectionNames,
  "projections verify name": projectionNames
}

const withValues = (
  command: Completions.CommandDescriptor,
  path: ReadonlyArray<string> = []
): Completions.CommandDescriptor => ({
  ...command,
  flags: command.flags.map((flag) => ({ ...flag, type: typeOf(ofFlags[flag.name], flag.type) })),
  arguments: command.arguments.map((argument) => ({
    ...argument,
    type: typeOf(ofArguments[[...path, argument.name].join(" ")], argument.type)
  })),
  subcommands: command.subcommands.map((below) => withValues(below, [...path, below.name]))
})

const typeOf = <T>(values: ReadonlyArray<string> | undefined, type: T) =>
  values === undefined ? type : { _tag: "Choice" as const, values }

/** `--completions`: prints a completion script for a shell. It also completes types, faults and projections. */
const completions: typeof GlobalFlag.Completions = {
  ...GlobalFlag.Completions,
  run: Effect.fnUntraced(function*(shell, { command }) {
    if (Option.isNone(shell)) return
    const descriptor = withValues(Completions.fromCommand(command))
    yield* Console.log(Completions.generate(command.name, shell.value, descriptor))
  })
}

/** The configuration of the command line, with the extended `--completions`. */
export const config = CliConfig.make({
  builtIns: GlobalFlag.BuiltIns.map((flag) => flag === GlobalFlag.Completions ? completions : flag)
})
