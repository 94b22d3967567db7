import { Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { adminUrlFlag, jsonFlag } from "../Flags.ts"
import { printJson } from "../Output.ts"
import { calls, nameArgument } from "./Calls.ts"
import { failOnDifference, showComparisons } from "./Comparison.ts"
import { account, showLedgers } from "./Ledger.ts"
import { watch } from "./WatchProjections.ts"

/** `threeqpr projections verify`: compares the read models with the log, cell by cell. */
export const verify = Command.make(
  "verify",
  {
    name: nameArgument.pipe(Argument.optional),
    ledger: Flag.Boolean("ledger").pipe(
      Flag.withDescription(
        "Check the result of every entry of the stream instead: applied once, dead-lettered, or of a type that the "
          + "projection does not use"
      ),
      Flag.withDefault(false)
    ),
    json: jsonFlag,
    adminUrl: adminUrlFlag
  },
  Effect.fnUntraced(function*({ adminUrl, json, ledger, name }) {
    const api = yield* calls(adminUrl)
    const names = Option.isSome(name) ? [name.value] : (yield* api.list).map(({ name }) => name)
    if (ledger) return yield* showLedgers(yield* Effect.forEach(names, (name) => account(api, name)), json)
    const compared = yield* Effect.forEach(
      names,
      (name) => Effect.flatMap(api.start(name, "verify"), (started) => watch(api, started))
    )
    yield* json ? Effect.forEach(compared, printJson) : showComparisons(compared)
    yield* failOnDifference(compared)
  })
).pipe(
  Command.withDescription("Compare read models with copies built from the log; exits 1 on a difference"),
  Command.withExamples([
    { command: "threeqpr projections verify", description: "All read models, one after the other" },
    {
      command: "threeqpr projections verify --ledger",
      description: "What happened to each event of the stream"
    },
    {
      command: "threeqpr projections verify scans --json",
      description: "One read model, with hashes, for a program"
    }
  ])
)
