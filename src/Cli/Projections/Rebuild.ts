import { Console, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import type { RebuildAnswer } from "../../Admin/Api/Projections.ts"
import { adminUrlFlag, jsonFlag } from "../Flags.ts"
import { printJson } from "../Output.ts"
import { calls, nameArgument } from "./Calls.ts"
import { failOnDifference, showComparisons } from "./Comparison.ts"
import { number, watch } from "./WatchProjections.ts"

/** `threeqpr projections rebuild`: rebuilds a read model beside the live one, and promotes it. */
export const rebuild = Command.make(
  "rebuild",
  {
    name: nameArgument,
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Only show the rows that would change; exits 1 when there are any"),
      Flag.withDefault(false)
    ),
    acceptNewLog: Flag.Boolean("accept-new-log").pipe(
      Flag.withDescription(
        "Accept an event log that did not build the rows; rows of events that only the old log contained are lost"
      ),
      Flag.withDefault(false)
    ),
    json: jsonFlag,
    adminUrl: adminUrlFlag
  },
  Effect.fnUntraced(function*({ acceptNewLog, adminUrl, dryRun, json, name }) {
    const api = yield* calls(adminUrl)
    const started = yield* api.start(name, dryRun ? "dry-run" : "rebuild", acceptNewLog)
    yield* show(yield* watch(api, started), json)
  })
).pipe(
  Command.withDescription("Rebuild a read model from the log while the live one serves, then switch"),
  Command.withExamples([
    {
      command: "threeqpr projections rebuild scans",
      description: "Reads continue; Ctrl-C only stops watching"
    },
    {
      command: "threeqpr projections rebuild scans --dry-run",
      description: "The rows that a rebuild would change"
    }
  ])
)

/** Prints the result of a finished rebuild, for people or programs. */
export const show = Effect.fnUntraced(function*(ended: RebuildAnswer, json: boolean) {
  if (json) yield* printJson(ended)
  else if (ended.kind === "rebuild") yield* Console.log(switched(ended))
  else yield* showComparisons([ended])
  yield* failOnDifference([ended])
})

const switched = ({ finished_at, generation, projection, result, started_at }: RebuildAnswer) => {
  const millis = Date.parse(finished_at ?? "") - Date.parse(started_at ?? "")
  return `${projection}: generation ${generation} is live, built from ${
    number(result?.events ?? 0)
  } events in ${(millis / 1_000).toFixed(1)} s`
}
