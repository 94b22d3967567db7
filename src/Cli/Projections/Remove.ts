import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { adminUrlFlag, jsonFlag } from "../Flags.ts"
import { printJson } from "../Output.ts"
import { calls, nameArgument } from "./Calls.ts"

/** `threeqpr projections remove`: removes a read model that no process defines any longer. */
export const remove = Command.make(
  "remove",
  { name: nameArgument, json: jsonFlag, adminUrl: adminUrlFlag },
  Effect.fnUntraced(function*({ adminUrl, json, name }) {
    const removed = yield* (yield* calls(adminUrl)).remove(name)
    yield* json
      ? printJson(removed)
      : Console.log(
        `${name}: its view, tables, durable consumer and dead letters are removed; the log is unchanged`
      )
  })
).pipe(
  Command.withDescription("Remove a read model that PROJECTIONS no longer defines"),
  Command.withExamples([
    { command: "threeqpr projections remove countries", description: "Its tables, and nothing of the log" }
  ])
)
