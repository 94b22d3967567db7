import { Command } from "effect/cli"
import packageJson from "../package.json" with { type: "json" }
import { events } from "./Cli/Events.ts"
import { projections } from "./Cli/Projections.ts"
import { serve } from "./Cli/Serve.ts"
import { status } from "./Cli/Status.ts"
import { trigger } from "./Cli/Trigger.ts"

/** The command line: one file a command. */
export const run = Command.make("threeqpr").pipe(
  Command.withDescription("3QPR's webhooks, kept in NATS JetStream and projected into Postgres"),
  Command.withSubcommands([serve, status, events, projections, trigger]),
  Command.run({ version: packageJson.version })
)
