import { Context, Effect, Formatter, Layer, Logger, Option, References, Tracer } from "effect"
import { GlobalFlag } from "effect/cli"
import type { Config } from "./Config.ts"

/** One line of JSON; with the ids of the trace that it belongs to, if that is recorded. */
const json = Logger.make((options) => {
  const span = Context.getOrUndefined(options.fiber.context, Tracer.ParentSpan)
  return Formatter.formatJson({
    ...Logger.formatStructured.log(options),
    ...(span?.sampled && { trace_id: span.traceId, span_id: span.spanId })
  })
})

/** Logs go to standard error, which leaves standard output to data: readable on a terminal, else JSON. */
export const layer = Layer.mergeAll(
  Logger.layer([
    process.stderr.isTTY
      ? Logger.consolePretty({ mode: "tty", colors: process.env["NO_COLOR"] === undefined })
      : Logger.withConsoleError(json)
  ]),
  Layer.succeed(Logger.LogToStderr, true)
)

/** Logs from this level on, unless the flag `--log-level` says otherwise. */
export const withLogLevel = (level: Config["logLevel"]) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(
    GlobalFlag.LogLevel,
    (flag) => Option.isSome(flag) ? effect : Effect.provideService(effect, References.MinimumLogLevel, level)
  )
