/**
 * Room `Cli`: the commands, clients of the contract.
 *
 * Promises: Data on standard output, messages on standard error. It exits with 0, 1, 2 or 3.
 *
 * May use: `Domain`, `Process`, `Signature`, `Provider`, `Admin/Api`, `Admin/Client`, `Cli/Serve`, `Cli/Examine`.
 */
import { Effect } from "effect"
import { CliConfig, Command } from "effect/cli"
import packageJson from "../../package.json" with { type: "json" }
import * as Completions from "./Completions.ts"
import { dashboard } from "./Dashboard.ts"
import { deadLetters } from "./DeadLetters.ts"
import { doctor } from "./Doctor.ts"
import { events } from "./Events.ts"
import { forget } from "./Forget.ts"
import { projections } from "./Projections.ts"
import { quarantine } from "./Quarantine.ts"
import { conversations } from "./ReadModels/Conversations.ts"
import { scans } from "./ReadModels/Scans.ts"
import { reconcile } from "./Reconcile.ts"
import { register } from "./Register.ts"
import { rejections } from "./Rejections.ts"
import { serve } from "./Serve.ts"
import { simulate } from "./Simulate.ts"
import { status } from "./Status.ts"
import { trigger } from "./Trigger.ts"
import { help, version } from "./Words.ts"

const commands = [
  serve,
  register,
  dashboard,
  status,
  events,
  scans,
  conversations,
  rejections,
  projections,
  deadLetters,
  quarantine,
  forget,
  reconcile,
  doctor,
  trigger,
  simulate
] as const

/** The command line: one file per command. */
export const command = Command.make("threeqpr").pipe(
  Command.withDescription("3QPR's webhooks, kept in NATS JetStream and projected into Postgres"),
  Command.withExamples([
    {
      command: "threeqpr serve",
      description: "Receive, keep, project and answer, with nothing else installed"
    },
    { command: "threeqpr trigger scan.created --count 20", description: "Make events, in a second terminal" },
    { command: "threeqpr status", description: "See what became of them" }
  ]),
  Command.withSubcommands([...commands, help(commands), version])
)

/** Runs the command that the arguments of the process name. */
export const run = Command.run(command, { version: packageJson.version }).pipe(
  Effect.provideService(CliConfig.CliConfig, Completions.config)
)
