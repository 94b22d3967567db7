import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import type { DeadLetterSummary } from "../../Admin/Api/DeadLetters.ts"
import { AdminClient, explained } from "../../Admin/Client.ts"
import { printableIn } from "../../Process/Printable.ts"
import { limitFlag } from "../Events/EventFlags.ts"
import { adminClient, adminUrlFlag, jsonFlag } from "../Flags.ts"
import { paint, printJson, table } from "../Output.ts"
import { shortTime } from "../Time.ts"
import { filterFlags, filterOf } from "./DeadLetterFlags.ts"

/** `threeqpr dead-letters list`: one page of dead letters, the last failures first. */
export const list = Command.make(
  "list",
  {
    ...filterFlags,
    before: Flag.Int("before").pipe(
      Flag.withDescription("Show the page after this cursor"),
      Flag.optional
    ),
    limit: limitFlag("limit", 20, "Maximum number of rows"),
    json: jsonFlag,
    adminUrl: adminUrlFlag
  },
  Effect.fnUntraced(function*({ adminUrl, before, json, limit, ...flags }) {
    const { deadLetters: api } = yield* AdminClient.pipe(Effect.provide(adminClient(adminUrl)))
    const page = yield* api.list({
      query: { ...filterOf(flags), limit, before: Option.getOrUndefined(before) }
    }).pipe(Effect.mapError(explained))
    if (json) return yield* Effect.forEach(page.dead_letters, printJson, { discard: true })
    if (page.dead_letters.length > 0) yield* table(columns, printableIn(page.dead_letters).map(cells))
    const { dim } = yield* paint
    const older = `Older ones: --before ${page.cursor}`
    if (page.more) {
      yield* Console.error(dim(page.total === null ? older : `${page.total} in all. ${older}`))
    } else if (page.dead_letters.length === 0) {
      yield* Console.error("No dead letter matches.")
    }
  })
).pipe(
  Command.withDescription("List the events that a consumer could not handle, latest failure first"),
  Command.withExamples([
    { command: "threeqpr dead-letters list", description: "The latest 20" },
    {
      command: "threeqpr dead-letters list --consumer scans-1 --error constraint --since 2h",
      description: "Failures with one error in the last two hours"
    }
  ])
)

const columns = [
  { title: "ID" },
  { title: "FAILED (UTC)" },
  { title: "TYPE" },
  { title: "TRIES", right: true },
  { title: "ERROR" }
]

const cells = (letter: DeadLetterSummary) => [
  letter.id,
  shortTime(letter.last_failed_at),
  letter.type,
  String(letter.attempts),
  letter.error
]
