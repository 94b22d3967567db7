import { Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { adminUrlFlag, jsonFlag } from "../Flags.ts"
import { json } from "../Output.ts"
import { calls, nameArgument } from "./Calls.ts"
import { failOnDifference, showComparisons } from "./Comparison.ts"
import { watch } from "./Watch.ts"

/** `threeqpr projections verify`: whether the read models are what the log says, cell by cell. */
export const verify = Command.make(
  "verify",
  { name: nameArgument.pipe(Argument.optional), json: jsonFlag, adminUrl: adminUrlFlag },
  Effect.fnUntraced(function*({ adminUrl, json: asJson, name }) {
    const api = yield* calls(adminUrl)
    const names = Option.isSome(name) ? [name.value] : (yield* api.list).map(({ name }) => name)
    const compared = yield* Effect.forEach(
      names,
      (name) => Effect.flatMap(api.start(name, "verify"), (started) => watch(api, started))
    )
    yield* asJson ? Effect.forEach(compared, json) : showComparisons(compared)
    yield* failOnDifference(compared)
  })
).pipe(
  Command.withDescription("Compare read models with new ones built from the log; exits 1 on a difference"),
  Command.withExamples([
    { command: "threeqpr projections verify", description: "All of them, one after the other" },
    { command: "threeqpr projections verify scans --json", description: "One, with hashes, for a program" }
  ])
)
