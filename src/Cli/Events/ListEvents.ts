import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { AdminClient, explained } from "../../Admin/Client.ts"
import { printableIn } from "../../Process/Printable.ts"
import { adminClient, adminUrlFlag, jsonFlag } from "../Flags.ts"
import { paint, printJson, table } from "../Output.ts"
import { timeFlag } from "../Time.ts"
import { bodiesFlag, limitFlag, typeFlag } from "./EventFlags.ts"
import { cells, columns } from "./ShowEvents.ts"

/** `threeqpr events list`: one page of the log, the newest events first. */
export const list = Command.make(
  "list",
  {
    type: typeFlag,
    since: timeFlag("since", "Events received at this time or later"),
    until: timeFlag("until", "Events received before this time"),
    before: Flag.Int("before").pipe(
      Flag.withDescription("Show the page before this sequence"),
      Flag.optional
    ),
    limit: limitFlag("limit", 20, "Maximum number of rows"),
    bodies: bodiesFlag,
    json: jsonFlag,
    adminUrl: adminUrlFlag
  },
  Effect.fnUntraced(function*({ adminUrl, before, bodies, json, limit, since, type, until }) {
    const { events: api } = yield* AdminClient.pipe(Effect.provide(adminClient(adminUrl)))
    const { cursor, events, more } = yield* api.list({
      query: {
        limit,
        type: Option.getOrUndefined(type),
        since: Option.getOrUndefined(since),
        until: Option.getOrUndefined(until),
        before: Option.getOrUndefined(before),
        bodies: bodies ? "true" : "false"
      }
    }).pipe(Effect.mapError(explained))
    if (json) return yield* Effect.forEach(events, printJson, { discard: true })
    if (events.length === 0) return yield* Console.error("No event matches.")
    const colours = yield* paint
    yield* table(columns, printableIn(events).map((event) => cells(event, colours)))
    if (more) yield* Console.error(colours.dim(`Older ones: --before ${cursor}`))
  })
).pipe(
  Command.withDescription("List the newest events, including quarantined ones"),
  Command.withExamples([
    { command: "threeqpr events list", description: "The latest 20" },
    {
      command: "threeqpr events list --type scan.created --since 2h --json",
      description: "The scans of the last two hours, one JSON object per line"
    }
  ])
)
