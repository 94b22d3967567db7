import { Command } from "effect/cli"
import { list } from "./Quarantine/ListQuarantine.ts"
import { redrive } from "./Quarantine/RedriveQuarantine.ts"
import { show } from "./Quarantine/ShowQuarantine.ts"

/** `threeqpr quarantine`: signed deliveries that are not usable events. */
export const quarantine = Command.make("quarantine").pipe(
  Command.withDescription("What 3QPR signed and is no event that we can use: list, show, redrive"),
  Command.withExamples([
    { command: "threeqpr quarantine list", description: "What could not be read, and what is wrong with it" },
    {
      command: "threeqpr quarantine redrive --all",
      description: "Entries that this version can read become events"
    }
  ]),
  Command.withSubcommands([list, show, redrive])
)
