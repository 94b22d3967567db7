import { Effect, Layer, Logger, References } from "effect"
import type { Config } from "./Config.ts"

/** Logs go to standard error, which leaves standard output to data: readable on a terminal, else JSON. */
export const layer = Layer.mergeAll(
  Logger.layer([
    process.stderr.isTTY
      ? Logger.consolePretty({ mode: "tty", colors: process.env["NO_COLOR"] === undefined })
      : Logger.withConsoleError(Logger.formatJson)
  ]),
  Layer.succeed(Logger.LogToStderr, true)
)

export const withLogLevel = (level: Config["logLevel"]) =>
  Effect.provideService(References.MinimumLogLevel, level)
