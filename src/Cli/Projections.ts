import { Command } from "effect/cli"
import { list } from "./Projections/ListProjections.ts"
import { rebuild } from "./Projections/Rebuild.ts"
import { verify } from "./Projections/Verify.ts"
import { cancel, watch } from "./Projections/Watching.ts"

/** `threeqpr projections`: lists, rebuilds and verifies the read models. */
export const projections = Command.make("projections").pipe(
  Command.withDescription("The read models: list, rebuild, verify, watch, cancel"),
  Command.withExamples([
    { command: "threeqpr projections list", description: "How far each read model is" },
    { command: "threeqpr projections rebuild scans", description: "Rebuild one while it serves" }
  ]),
  Command.withSubcommands([list, rebuild, verify, watch, cancel])
)
