import { Command } from "effect/cli"
import { list } from "./Quarantine/ListQuarantine.ts"
import { redrive } from "./Quarantine/RedriveQuarantine.ts"
import { show } from "./Quarantine/ShowQuarantine.ts"

/** `threeqpr quarantine`: signed deliveries that are not usable events. */
export const quarantine = Command.make("quarantine").pipe(
  Command.withDescription("Work with signed bodies that are not usable events: list, show, redrive"),
  Command.withExamples([
    { command: "threeqpr quarantine list", description: "List the entries and their problems" },
    {
      command: "threeqpr quarantine redrive --all",
      description: "Turn the entries that this version can decode into events"
    }
  ]),
  Command.withSubcommands([list, show, redrive])
)
