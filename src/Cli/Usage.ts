import { CliError } from "effect/cli"

/** Flags that do not go together, or a flag that cannot be: shown with the command's help; exit code 2. */
export const wrongUsage = (command: ReadonlyArray<string>, message: string) =>
  new CliError.ShowHelp({
    commandPath: ["threeqpr", ...command],
    errors: [new CliError.ValidationError({ message })]
  })
