import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { adminUrlFlag, jsonFlag } from "../Flags.ts"
import { printJson } from "../Output.ts"
import { calls, nameArgument } from "./Calls.ts"
import { show } from "./Rebuild.ts"
import { watch as watchRebuild } from "./WatchProjections.ts"

/** `threeqpr projections watch`: watches a running rebuild until it ends. */
export const watch = Command.make(
  "watch",
  { name: nameArgument, json: jsonFlag, adminUrl: adminUrlFlag },
  Effect.fnUntraced(function*({ adminUrl, json, name }) {
    const api = yield* calls(adminUrl)
    yield* show(yield* watchRebuild(api, yield* api.going(name)), json)
  })
).pipe(
  Command.withDescription("Watch a running rebuild"),
  Command.withExamples([{
    command: "threeqpr projections watch scans",
    description: "Show its progress until it ends"
  }])
)

/** `threeqpr projections cancel`: cancels a rebuild; the live read model does not change. */
export const cancel = Command.make(
  "cancel",
  { name: nameArgument, json: jsonFlag, adminUrl: adminUrlFlag },
  Effect.fnUntraced(function*({ adminUrl, json, name }) {
    const api = yield* calls(adminUrl)
    const cancelled = yield* api.cancel(name, (yield* api.going(name)).id)
    yield* json
      ? printJson(cancelled)
      : Console.log(`${name}: the ${cancelled.kind} is cancelled; the live read model is unchanged`)
  })
).pipe(
  Command.withDescription("Cancel a running rebuild"),
  Command.withExamples([{
    command: "threeqpr projections cancel scans",
    description: "The live read model is unchanged"
  }])
)
