import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import { AdminClient, explained } from "../../Admin/Client.ts"
import { adminClient, adminUrlFlag, jsonFlag } from "../Flags.ts"
import { shortTime } from "../Time.ts"
import { filterFlag, pageFlags, queryOf } from "./ReadModelFlags.ts"
import { showJson, showPage } from "./ShowReadModels.ts"

/** `threeqpr conversations list`: one page of completed conversations, newest first. */
const list = Command.make(
  "list",
  {
    ...pageFlags,
    scan: filterFlag("scan", "Conversations that began with this scan"),
    json: jsonFlag,
    adminUrl: adminUrlFlag
  },
  Effect.fnUntraced(function*({ adminUrl, json, scan, ...flags }) {
    const { conversations: api } = yield* AdminClient.pipe(Effect.provide(adminClient(adminUrl)))
    const query = { ...queryOf(flags), scan_id: Option.getOrUndefined(scan) }
    const asked = api.list({ query })
    if (json) {
      return yield* showJson("conversations", api.list({ query, responseMode: "response-only" }), asked)
    }
    const { conversations, ...page } = yield* Effect.mapError(asked, explained)
    yield* showPage(
      columns,
      conversations,
      ({ completed_at, id, message_count, qpr_code_id, scan_id }) => [
        shortTime(completed_at),
        String(message_count ?? ""),
        qpr_code_id ?? "",
        scan_id ?? "",
        id
      ],
      page
    )
  })
).pipe(
  Command.withDescription("List the newest completed conversations"),
  Command.withExamples([
    { command: "threeqpr conversations list --since 2026-03-20", description: "Conversations since a day" }
  ])
)

const columns = [
  { title: "COMPLETED (UTC)" },
  { title: "MESSAGES", right: true },
  { title: "CODE" },
  { title: "SCAN" },
  { title: "ID" }
]

/** `threeqpr conversations`: the read model of conversations. */
export const conversations = Command.make("conversations").pipe(
  Command.withDescription("Completed conversations: list"),
  Command.withSubcommands([list])
)
