import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import { AdminClient, explained } from "../../Admin/Client.ts"
import { adminClient, adminUrlFlag, jsonFlag } from "../Flags.ts"
import { shortTime } from "../Time.ts"
import { filterFlag, pageFlags, queryOf } from "./ReadModelFlags.ts"
import { showJson, showPage } from "./ShowReadModels.ts"

/** `threeqpr scans list`: one page of scans, newest first. */
const list = Command.make(
  "list",
  {
    ...pageFlags,
    country: filterFlag("country", "Scans of this country, such as CH"),
    region: filterFlag("region", "Scans of this region"),
    city: filterFlag("city", "Scans of this city"),
    device: filterFlag("device", "Scans with this kind of device, such as mobile"),
    shortId: filterFlag("short-id", "Scans of the QR code with this short id"),
    json: jsonFlag,
    adminUrl: adminUrlFlag
  },
  Effect.fnUntraced(function*({ adminUrl, city, country, device, json, region, shortId, ...flags }) {
    const { scans: api } = yield* AdminClient.pipe(Effect.provide(adminClient(adminUrl)))
    const query = {
      ...queryOf(flags),
      country: Option.getOrUndefined(country),
      region: Option.getOrUndefined(region),
      city: Option.getOrUndefined(city),
      device: Option.getOrUndefined(device),
      short_id: Option.getOrUndefined(shortId)
    }
    const asked = api.list({ query })
    if (json) return yield* showJson("scans", api.list({ query, responseMode: "response-only" }), asked)
    const { scans, ...page } = yield* Effect.mapError(asked, explained)
    yield* showPage(
      columns,
      scans,
      ({ city, country, device, id, qpr_code_id, scanned_at }) => [
        shortTime(scanned_at),
        country ?? "",
        city ?? "",
        device ?? "",
        qpr_code_id ?? "",
        id
      ],
      page
    )
  })
).pipe(
  Command.withDescription("List the newest scans"),
  Command.withExamples([
    {
      command: "threeqpr scans list --since 2h --country CH",
      description: "Scans of the last two hours in one country"
    },
    {
      command: "threeqpr scans list --json | jq .city",
      description: "For programs: one JSON object per line"
    }
  ])
)

const columns = [
  { title: "SCANNED (UTC)" },
  { title: "COUNTRY" },
  { title: "CITY" },
  { title: "DEVICE" },
  { title: "CODE" },
  { title: "ID" }
]

/** `threeqpr scans`: the read model of scans. */
export const scans = Command.make("scans").pipe(
  Command.withDescription("Scans of QR codes: list"),
  Command.withSubcommands([list])
)
