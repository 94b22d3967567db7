import { Command } from "effect/cli"
import { list } from "./Projections/ListProjections.ts"
import { rebuild } from "./Projections/Rebuild.ts"
import { remove } from "./Projections/Remove.ts"
import { verify } from "./Projections/Verify.ts"
import { cancel, watch } from "./Projections/Watching.ts"

/** `threeqpr projections`: lists, rebuilds and verifies the read models. */
export const projections = Command.make("projections").pipe(
  Command.withDescription("Work with read models: list, rebuild, verify, watch, cancel, remove"),
  Command.withExamples([
    { command: "threeqpr projections list", description: "Position and lag of each read model" },
    {
      command: "threeqpr projections rebuild scans",
      description: "Rebuild a read model while it serves queries"
    }
  ]),
  Command.withSubcommands([list, rebuild, verify, watch, cancel, remove])
)
