import { Console, Effect } from "effect"
import { CliError, CliOutput, TerminalCapabilities } from "effect/cli"
import { width } from "./Output.ts"
import { wrapWithin } from "./Wrap.ts"

/**
 * Prints help and versions on standard output, wrapped to the terminal. Wrong usage is reported on standard error,
 * with the command that prints the help.
 */
export const layer = CliOutput.layerPresenter({
  present: Effect.fnUntraced(function*(event) {
    const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
    const formatter = CliOutput.defaultFormatter({ colors: canColor, globalFlags: "summary" })
    switch (event._tag) {
      case "Help":
        return yield* Console.log(wrap(formatter.formatHelpDoc(event.helpDoc), width()))
      case "InvalidInvocation": {
        const command = event.commandPath.join(" ")
        // Errors show the given value, but not the password of an address.
        const errors = formatter.formatErrors(event.errors.map(plain)).replaceAll(/\/\/[^\s/@]+@/g, "//…@")
        const help = `\`${command} --help\` shows every flag, with examples.`
        return yield* Console.error(`${errors}\n\nUSAGE\n  ${event.helpDoc.usage}\n\n${help}`)
      }
      case "Version":
        return yield* Console.log(formatter.formatVersion(event.name, event.version))
    }
  })
})

/** Removes the library's prefix from the description of an expected value. */
const plain = (error: CliError.CliError) =>
  error instanceof CliError.InvalidValue
    ? new CliError.InvalidValue({
      ...error,
      expected: error.expected.replace(/^Schema validation failed: /, "")
    })
    : error

/** Breaks each long line between words, and continues it under the column where its text begins. */
export const wrap = (text: string, columns: number) =>
  text.split("\n").flatMap((line) =>
    CliOutput.displayWidth(line) <= columns ? [line] : wrapLine(line, columns)
  ).join("\n")

const wrapLine = (line: string, columns: number): ReadonlyArray<string> => {
  const [lead = "", rest = ""] = splitAtColumn(line)
  const beside = columns - CliOutput.displayWidth(lead)
  const indent = beside >= narrowest ? columns - beside : lead.length - lead.trimStart().length + 4
  const [first = "", ...others] = wrapWithin(rest, columns - indent)
  const under = others.map((text) => " ".repeat(indent) + text)
  return beside >= narrowest
    ? [lead + first, ...under]
    : [lead.trimEnd(), " ".repeat(indent) + first, ...under]
}

/** Minimum width, in columns, for readable text. */
const narrowest = 36

/** Splits a line after its last gap of several spaces: a flag, and its description. */
const splitAtColumn = (line: string) => {
  const gap = [...line.matchAll(/\S( {2,})(?=\S)/g)].at(-1)
  const at = gap === undefined ? line.length - line.trimStart().length : gap.index + gap[0].length
  return [line.slice(0, at), line.slice(at)]
}
