import { Command } from "effect/cli"
import { list } from "./Quarantine/ListQuarantine.ts"
import { redrive } from "./Quarantine/RedriveQuarantine.ts"
import { show } from "./Quarantine/ShowQuarantine.ts"

/** `threeqpr quarantine`: what 3QPR signed and is no event that we can use. */
export const quarantine = Command.make("quarantine").pipe(
  Command.withDescription("What 3QPR signed and is no event that we can use: list, show, redrive"),
  Command.withExamples([
    { command: "threeqpr quarantine list", description: "What could not be read, and what is wrong with it" },
    { command: "threeqpr quarantine redrive --all", description: "What can be read by now becomes an event" }
  ]),
  Command.withSubcommands([list, show, redrive])
)
