import { Command } from "effect/cli"
import { get } from "./Events/Get.ts"
import { list } from "./Events/ListEvents.ts"
import { tail } from "./Events/Tail.ts"

/** `threeqpr events`: the events in the log. */
export const events = Command.make("events").pipe(
  Command.withDescription("Show the events in the log: list, get, tail"),
  Command.withExamples([
    { command: "threeqpr events list --since 1h", description: "Events of the last hour" },
    { command: "threeqpr events tail", description: "Each event when it is stored" }
  ]),
  Command.withSubcommands([list, get, tail])
)
