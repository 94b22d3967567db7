import { CliError } from "effect/cli"

/** Wrong usage, such as contradicting flags: printed with the command's help; exits with 2. */
export const wrongUsage = (command: ReadonlyArray<string>, message: string) =>
  new CliError.ShowHelp({
    commandPath: ["threeqpr", ...command],
    errors: [new CliError.ValidationError({ message })]
  })
