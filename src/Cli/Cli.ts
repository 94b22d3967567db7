/**
 * Room `Cli`: the commands, clients of the contract.
 *
 * Promises: Data on standard output, messages on standard error. It exits with 0, 1 or 2.
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
import { models } from "./Models.ts"
import { projections } from "./Projections.ts"
import { quarantine } from "./Quarantine.ts"
import { conversations } from "./ReadModels/Conversations.ts"
import { scans } from "./ReadModels/Scans.ts"
import { reconcile } from "./Reconcile.ts"
import { register } from "./Register.ts"
import { rejections } from "./Rejections.ts"
import { serve } from "./Serve.ts"
import { simulate } from "./Simulate.ts"
import { sql } from "./Sql.ts"
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
  sql,
  models,
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
  Command.withDescription(
    "Receives 3QPR's webhooks, stores them in NATS JetStream, and projects them into Postgres"
  ),
  Command.withExamples([
    {
      command: "threeqpr serve",
      description: "Receive, store and project events, and answer queries"
    },
    {
      command: "threeqpr trigger scan.created --count 20",
      description: "Send 20 test events, in a second terminal"
    },
    { command: "threeqpr status", description: "Show their status" }
  ]),
  Command.withSubcommands([...commands, help(commands), version])
)

/** Runs the command that the arguments of the process name. */
export const run = Command.run(command, { version: packageJson.version }).pipe(
  Effect.provideService(CliConfig.CliConfig, Completions.config)
)
