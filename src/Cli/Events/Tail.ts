import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import type { EventsAnswer, EventSummary } from "../../Admin/Api/Events.ts"
import { AdminClient, explained } from "../../Admin/Client.ts"
import { printableIn } from "../../Process/Printable.ts"
import { adminClient, adminUrlFlag, jsonFlag } from "../Flags.ts"
import { lineOf, paint, printJson } from "../Output.ts"
import { timeFlag } from "../Time.ts"
import { bodiesFlag, limitFlag, typeFlag } from "./EventFlags.ts"
import { cells, columns } from "./ShowEvents.ts"

/** `threeqpr events tail`: shows the last events and then each new one, without an end and without a gap. */
export const tail = Command.make(
  "tail",
  {
    type: typeFlag,
    last: limitFlag("last", 10, "Number of older events to show first"),
    after: Flag.Int("after").pipe(
      Flag.withDescription("Start after this sequence; 0 starts with the first event"),
      Flag.optional
    ),
    since: timeFlag("since", "Start at this time"),
    bodies: bodiesFlag,
    json: jsonFlag,
    adminUrl: adminUrlFlag
  },
  Effect.fnUntraced(function*({ adminUrl, after, bodies, json, last, since, type }) {
    // This command ends only when it is interrupted, so that is a success.
    process.exitCode = 0
    const { events: api } = yield* AdminClient.pipe(Effect.provide(adminClient(adminUrl)))
    const filter = { type: Option.getOrUndefined(type), bodies: bodies ? "true" as const : "false" as const }
    const from = Option.getOrUndefined(since)
    const first = Option.isSome(after) || from !== undefined
      ? yield* api.list({
        query: { ...filter, after: Option.getOrElse(after, () => 0), since: from, limit: 500 }
      })
        .pipe(Effect.mapError(explained))
      : yield* api.list({ query: { ...filter, limit: last } }).pipe(
        Effect.mapError(explained),
        Effect.map((page) => ({
          ...page,
          events: page.events.toReversed(),
          cursor: page.events[0]?.sequence ?? 0
        }))
      )
    const show = json ? printJson : yield* lines
    yield* Effect.forEach(first.events, show, { discard: true })
    yield* follow(
      { after: first.cursor, created: first.log.created },
      (after) =>
        api.list({ query: { ...filter, after, limit: 500, wait: 20 } }).pipe(Effect.mapError(explained)),
      show
    )
  })
).pipe(
  Command.withDescription("Show new events; continues after an interruption without a gap"),
  Command.withExamples([
    { command: "threeqpr events tail", description: "The latest 10, then each new event" },
    {
      command: "threeqpr events tail --type scan.created --json | jq .id",
      description: "Scans for a program, one JSON object per line"
    }
  ])
)

interface Place {
  readonly after: number
  readonly created: string
}

/**
 * Shows each event after a position, without an end. Reports an interruption of the connection, and that no event was
 * missed.
 */
const follow = Effect.fnUntraced(
  function*<E extends { readonly message: string; readonly transient: boolean }>(
    start: Place,
    next: (after: number) => Effect.Effect<EventsAnswer, E>,
    show: (event: EventSummary) => Effect.Effect<void>
  ) {
    let { after, created } = start
    let failures = 0
    while (true) {
      const page = yield* Effect.result(next(after))
      if (page._tag === "Failure") {
        if (!page.failure.transient) return yield* Effect.fail(page.failure)
        if (failures++ === 0) yield* Console.error(`interrupted: ${page.failure.message} Retrying…`)
        yield* Effect.sleep(Math.min(5_000, 250 * 2 ** Math.min(failures, 5)))
        continue
      }
      const { cursor, events, log } = page.success
      if (log.created !== created) {
        yield* Console.error(`the log was created again at ${log.created}: continuing with its first event`)
        after = 0
        created = log.created
        failures = 0
        continue
      }
      if (failures > 0) {
        yield* Console.error(`reconnected: continuing after sequence ${after}; no event is missed`)
      }
      failures = 0
      if (after > 0 && log.first_sequence > after + 1) {
        yield* Console.error(`events up to sequence ${log.first_sequence - 1} are no longer in the log`)
      }
      yield* Effect.forEach(events, show, { discard: true })
      after = cursor
    }
  }
)

/** Output for people: a heading, then one line for each event, in columns of fixed width. */
const lines = Effect.gen(function*() {
  const colours = yield* paint
  const widths = [6, 14, 22, 30]
  yield* Console.log(colours.dim(lineOf(columns, widths, columns.map(({ title }) => title))))
  return (event: EventSummary) => Console.log(lineOf(columns, widths, cells(printableIn(event), colours)))
})
