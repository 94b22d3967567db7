import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import type { QuarantineSummary } from "../../Admin/Api/Quarantine.ts"
import { AdminClient, explained } from "../../Admin/Client.ts"
import { printableIn } from "../../Process/Printable.ts"
import { limitFlag } from "../Events/EventFlags.ts"
import { adminClient, adminUrlFlag, jsonFlag } from "../Flags.ts"
import { type Paint, paint, printJson, table } from "../Output.ts"
import { shortTime } from "../Time.ts"
import { reasonFlag } from "./QuarantineFlags.ts"

/** `threeqpr quarantine list`: one page of quarantined entries, newest first. */
export const list = Command.make(
  "list",
  {
    reason: reasonFlag,
    before: Flag.Int("before").pipe(
      Flag.withDescription("Show the page before this sequence"),
      Flag.optional
    ),
    limit: limitFlag("limit", 20, "Maximum number of rows"),
    json: jsonFlag,
    adminUrl: adminUrlFlag
  },
  Effect.fnUntraced(function*({ adminUrl, before, json, limit, reason }) {
    const { quarantine: api } = yield* AdminClient.pipe(Effect.provide(adminClient(adminUrl)))
    const { cursor, more, quarantined } = yield* api.list({
      query: { limit, reason: Option.getOrUndefined(reason), before: Option.getOrUndefined(before) }
    }).pipe(Effect.mapError(explained))
    if (json) return yield* Effect.forEach(quarantined, printJson, { discard: true })
    if (quarantined.length === 0) return yield* Console.error("No quarantined entry matches.")
    const colours = yield* paint
    yield* table(columns, printableIn(quarantined).map((entry) => cells(entry, colours)))
    if (more) yield* Console.error(colours.dim(`Older ones: --before ${cursor}`))
  })
).pipe(
  Command.withDescription("List the newest quarantined entries, with the problems that this version finds"),
  Command.withExamples([
    { command: "threeqpr quarantine list", description: "The latest 20" },
    {
      command: "threeqpr quarantine list --reason invalid_data --json | jq 'select(.decodes)'",
      description: "Entries that this version can decode"
    }
  ])
)

const columns = [
  { title: "SEQ", right: true },
  { title: "RECEIVED (UTC)" },
  { title: "REASON" },
  { title: "DECODES" },
  { title: "PROBLEM" }
]

const cells = (entry: QuarantineSummary, { green, yellow }: Paint) => [
  String(entry.sequence),
  shortTime(entry.received_at),
  entry.reason,
  entry.decodes ? green("now") : yellow("no"),
  problemsOf(entry)
]

/** The problems of an entry in one line. */
export const problemsOf = ({ problems }: Pick<QuarantineSummary, "problems">) =>
  problems.map(({ message, path }) => path === "" ? message : `${path}: ${message}`).join("; ")
