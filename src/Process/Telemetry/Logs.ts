import { Cause, Console, Context, Formatter, Layer, Logger, Tracer } from "effect"
import process from "node:process"
import { messageOf } from "../Failure.ts"
import { printable } from "../Printable.ts"

/** The text of a log line, followed by each error in one line. Nested objects help neither people nor their tools. */
const textOf = (message: unknown): string =>
  (Array.isArray(message) ? message : [message]).map((part) =>
    typeof part === "object" && part !== null ? messageOf(part) : String(part)
  ).join(": ")

/** One line of JSON, with the ids of its trace if that trace is recorded. */
const json = Logger.make((options) => {
  const span = Context.getOrUndefined(options.fiber.context, Tracer.ParentSpan)
  return Formatter.formatJson({
    ...Logger.formatStructured.log({ ...options, message: textOf(options.message) }),
    ...(span?.sampled && { trace_id: span.traceId, span_id: span.spanId })
  })
})

/** One line for people. Only a defect, which is a fault of the program, is followed by its stack trace. */
export const lineOf = (
  { cause, date, logLevel, message }: Logger.Options<unknown>,
  paint: (text: string, level: string) => string = (text) => text
) => {
  const level = logLevel.toUpperCase()
  const reason = cause.reasons.length === 0 || Cause.hasDies(cause) ? "" : `: ${messageOf(cause)}`
  const stack = Cause.hasDies(cause) ? `\n${Cause.pretty(cause)}` : ""
  return `${date.toISOString().slice(11, 23)} ${paint(level.padEnd(5), level)} ${
    printable(`${textOf(message)}${reason}${stack}`)
  }`
}

const colours: Readonly<Record<string, number>> = { WARN: 33, ERROR: 31, FATAL: 31, DEBUG: 2, TRACE: 2 }

const painted = (text: string, level: string) => `\u001b[${colours[level] ?? 36}m${text}\u001b[0m`

const forPeople = Logger.make((options) =>
  Context.get(options.fiber.context, Console.Console).error(
    lineOf(options, process.env["NO_COLOR"] === undefined ? painted : undefined)
  )
)

/**
 * Logs go to standard error, which leaves standard output to data. They are readable text on a terminal, else JSON.
 */
export const layer = Layer.mergeAll(
  Logger.layer([process.stderr.isTTY ? forPeople : Logger.withConsoleError(json)]),
  Layer.succeed(Logger.LogToStderr, true)
)
