import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { AdminClient, explained } from "../Admin/Client.ts"
import { printableIn } from "../Process/Printable.ts"
import { adminClient, adminUrlFlag, jsonFlag } from "./Flags.ts"
import { paint, printJson, table } from "./Output.ts"
import { limitFlag } from "./ReadModels/ReadModelFlags.ts"
import { shortTime } from "./Time.ts"

/** `threeqpr rejections list`: the last requests that the public listeners refused. */
const list = Command.make(
  "list",
  {
    limit: limitFlag,
    json: jsonFlag,
    adminUrl: adminUrlFlag
  },
  Effect.fnUntraced(function*({ adminUrl, json, limit }) {
    const { rejections: api } = yield* AdminClient.pipe(Effect.provide(adminClient(adminUrl)))
    const { instances, refused, rejections } = yield* api.list({ query: { limit } }).pipe(
      Effect.mapError(explained)
    )
    if (json) return yield* Effect.forEach(rejections, printJson, { discard: true })
    if (rejections.length > 0) {
      yield* table(
        columns,
        printableIn(rejections).map((
          { at, id, reason, size, source }
        ) => [shortTime(at), reason, source, String(size), id])
      )
    }
    const { dim } = yield* paint
    yield* Console.error(
      dim(`${refused} refused since the start of ${instances} receiver${instances === 1 ? "" : "s"}.`)
    )
  })
).pipe(
  Command.withDescription("List the latest requests that the public listeners refused, from their memory"),
  Command.withExamples([
    { command: "threeqpr rejections list", description: "The latest 20, and the total number" }
  ])
)

const columns = [
  { title: "REFUSED (UTC)" },
  { title: "REASON" },
  { title: "FROM" },
  { title: "BYTES", right: true },
  { title: "ID" }
]

/** `threeqpr rejections`: requests that the public listeners refused. */
export const rejections = Command.make("rejections").pipe(
  Command.withDescription("Requests that the public listeners refused: list"),
  Command.withSubcommands([list])
)
