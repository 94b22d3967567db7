import { Command } from "effect/cli"
import { list } from "./Projections/List.ts"
import { rebuild } from "./Projections/Rebuild.ts"
import { verify } from "./Projections/Verify.ts"
import { cancel, watch } from "./Projections/Watching.ts"

/** `threeqpr projections`: the read models, and building them anew. */
export const projections = Command.make("projections").pipe(
  Command.withDescription("The read models: list, rebuild, verify, watch, cancel"),
  Command.withSubcommands([list, rebuild, verify, watch, cancel])
)
