import { Command } from "effect/cli"
import { list } from "./DeadLetters/List.ts"
import { show } from "./DeadLetters/Show.ts"

/** `threeqpr dead-letters`: the events that a consumer could not handle. */
export const deadLetters = Command.make("dead-letters").pipe(
  Command.withDescription("Look at the events that a consumer could not handle: list, show"),
  Command.withSubcommands([list, show])
)
