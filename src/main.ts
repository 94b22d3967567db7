#!/usr/bin/env node
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Effect, Exit, Layer } from "effect"
import { CliError } from "effect/cli"
import { FetchHttpClient } from "effect/http"
import { run } from "./Cli/Cli.ts"
import * as Help from "./Cli/Help.ts"
import * as StandardStreams from "./Cli/StandardStreams.ts"
import { wrapWithin } from "./Cli/Wrap.ts"
import { DotEnv } from "./Process/Config/DotEnv.ts"
import { messageOf } from "./Process/Failure.ts"
import { ignoresHangUp } from "./Process/HangUp.ts"
import { printable } from "./Process/Printable.ts"
import { bypassForLoopback } from "./Process/Proxies.ts"
import { nameSources } from "./Process/StackTraces.ts"
import { stopTimeout } from "./Process/Stopping.ts"
import * as Telemetry from "./Process/Telemetry.ts"

nameSources()
bypassForLoopback(process.env)

const stopInTime = () =>
  setTimeout(() => {
    StandardStreams.writeMessage(
      `threeqpr: stopping took longer than ${
        stopTimeout / 1_000
      } s, so the process ends now. What is stored is `
        + "kept.\n"
    )
    process.exit(1)
  }, stopTimeout).unref()
process.once("SIGINT", stopInTime)
// A second SIGTERM changes nothing, because the requested stop is already in progress. A second Ctrl-C ends the
// process.
process.on("SIGTERM", stopInTime)
// The end of a terminal or of its session stops the process in the same way, unless `nohup` made the process ignore
// it.
if (!ignoresHangUp()) process.on("SIGHUP", () => process.emit("SIGTERM", "SIGTERM"))

/** The exit code: 0 success, 1 failure, 2 wrong usage; 130 for a command that was interrupted before its end. */
const exitCode = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return 0
  if (Cause.hasInterruptsOnly(exit.cause)) return Number(process.exitCode ?? 130)
  const error = Cause.squash(exit.cause)
  if (error instanceof StandardStreams.OutputLost && error.closed) return 0
  if (!CliError.isCliError(error)) return 1
  return error._tag === "ShowHelp" && error.errors.length === 0 ? 0 : 2
}

/** Wraps text between words on a terminal; leaves it unchanged for programs. */
const inTerminal = (text: string) =>
  process.stderr.isTTY
    ? text.split("\n").flatMap((line) => wrapWithin(line, process.stderr.columns)).join("\n")
    : text

run.pipe(
  Effect.tapCause((cause) => {
    const error = Cause.squash(cause)
    return Cause.hasInterruptsOnly(cause) || CliError.isCliError(error)
        || (error instanceof StandardStreams.OutputLost && error.closed)
      ? Effect.void
      : Effect.sync(() =>
        StandardStreams.writeMessage(`${inTerminal(printable(`threeqpr: ${messageOf(error)}`))}\n`)
      )
  }),
  Effect.provide(
    Layer.mergeAll(
      NodeServices.layer,
      FetchHttpClient.layer,
      Help.layer,
      Telemetry.layer,
      StandardStreams.layer,
      Layer.succeed(DotEnv, ".env")
    )
  ),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    teardown: (exit, onExit) => onExit(exitCode(exit))
  })
)
