import { Command } from "effect/cli"
import { discard } from "./DeadLetters/DiscardDeadLetters.ts"
import { list } from "./DeadLetters/ListDeadLetters.ts"
import { redrive } from "./DeadLetters/RedriveDeadLetters.ts"
import { show } from "./DeadLetters/ShowDeadLetters.ts"

/** `threeqpr dead-letters`: events that a consumer could not handle. */
export const deadLetters = Command.make("dead-letters").pipe(
  Command.withDescription("Work with events that a consumer could not handle: list, show, redrive, discard"),
  Command.withExamples([
    { command: "threeqpr dead-letters list", description: "List failed events and their errors" },
    { command: "threeqpr dead-letters redrive --all", description: "Redrive all, after a fix" }
  ]),
  Command.withSubcommands([list, show, redrive, discard])
)
