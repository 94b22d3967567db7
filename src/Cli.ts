import { Command } from "effect/cli"
import packageJson from "../package.json" with { type: "json" }
import { conversations } from "./Cli/Conversations.ts"
import { dashboard } from "./Cli/Dashboard.ts"
import { deadLetters } from "./Cli/DeadLetters.ts"
import { doctor } from "./Cli/Doctor.ts"
import { events } from "./Cli/Events.ts"
import { forget } from "./Cli/Forget.ts"
import { projections } from "./Cli/Projections.ts"
import { quarantine } from "./Cli/Quarantine.ts"
import { reconcile } from "./Cli/Reconcile.ts"
import { register } from "./Cli/Register.ts"
import { rejections } from "./Cli/Rejections.ts"
import { scans } from "./Cli/Scans.ts"
import { serve } from "./Cli/Serve.ts"
import { simulate } from "./Cli/Simulate.ts"
import { status } from "./Cli/Status.ts"
import { trigger } from "./Cli/Trigger.ts"
import { help, version } from "./Cli/Words.ts"

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
export const run = Command.run(command, { version: packageJson.version })
