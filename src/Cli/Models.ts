import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { AdminClient, explained } from "../Admin/Client.ts"
import { printableIn } from "../Process/Printable.ts"
import { adminClient, adminUrlFlag, jsonFlag } from "./Flags.ts"
import { paint, printJson, table } from "./Output.ts"
import { limitFlag } from "./ReadModels/ReadModelFlags.ts"
import { showJson } from "./ReadModels/ShowReadModels.ts"

/** `threeqpr models list`: the read models that PROJECTIONS defines. */
const list = Command.make(
  "list",
  { json: jsonFlag, adminUrl: adminUrlFlag },
  Effect.fnUntraced(function*({ adminUrl, json }) {
    const { models: api } = yield* AdminClient.pipe(Effect.provide(adminClient(adminUrl)))
    const { models } = yield* Effect.mapError(api.list(), explained)
    if (json) return yield* Effect.forEach(models, printJson, { discard: true })
    if (models.length === 0) {
      return yield* Console.error("There is none. `serve --projections FILE` runs the read models of a file.")
    }
    yield* table(
      [{ title: "MODEL" }, { title: "VERSION", right: true }, { title: "KEY" }, { title: "FILTERS" }],
      models.map((
        { filters, key, name, version }
      ) => [name, String(version), key.join(", "), filters.join(", ")])
    )
  })
).pipe(
  Command.withDescription("List the read models that PROJECTIONS defines"),
  Command.withExamples([{ command: "threeqpr models list", description: "Name, version, key and filters" }])
)

/** `threeqpr models rows`: one page of rows of a read model, in the order of its key. */
const rows = Command.make(
  "rows",
  {
    name: Argument.String("name").pipe(
      Argument.withDescription("A read model, as `threeqpr models list` names it")
    ),
    where: Flag.KeyValuePair("where").pipe(
      Flag.withDescription("Rows whose column has this value, such as country=CH"),
      Flag.optional
    ),
    limit: limitFlag,
    cursor: Flag.String("cursor").pipe(
      Flag.withDescription("The next page: the cursor at the end of the page before"),
      Flag.optional
    ),
    json: jsonFlag,
    adminUrl: adminUrlFlag
  },
  Effect.fnUntraced(function*({ adminUrl, cursor, json, limit, name, where }) {
    const { models: api } = yield* AdminClient.pipe(Effect.provide(adminClient(adminUrl)))
    const filters = Object.entries(Option.getOrElse(where, () => ({}))).map(([column, value]) =>
      [`where.${column}`, value] as const
    )
    const request = {
      params: { name },
      query: { ...Object.fromEntries(filters), limit, cursor: Option.getOrUndefined(cursor) }
    }
    const asked = api.rows(request)
    if (json) return yield* showJson("rows", api.rows({ ...request, responseMode: "response-only" }), asked)
    const page = yield* Effect.mapError(asked, explained)
    if (page.rows.length === 0) return yield* Console.error("No row fits.")
    const columns = Object.keys(page.rows[0] ?? {})
    yield* table(
      columns.map((title) => ({ title: title.toUpperCase() })),
      printableIn(page.rows).map((row) => columns.map((column) => cellOf(row[column])))
    )
    const { dim } = yield* paint
    const next = page.next_cursor === null ? "" : ` More: --cursor ${page.next_cursor}`
    yield* Console.error(dim(`${page.rows.length} rows.${next}`))
  })
).pipe(
  Command.withDescription("Rows of a read model, in the order of its key"),
  Command.withExamples([
    {
      command: "threeqpr models rows countries --where country=CH",
      description: "Filtered by a declared column"
    }
  ])
)

const cellOf = (value: unknown) =>
  value === null || value === undefined
    ? ""
    : typeof value === "object"
    ? JSON.stringify(value)
    : String(value)

/** `threeqpr models`: read models of the user's own. */
export const models = Command.make("models").pipe(
  Command.withDescription("Read models that PROJECTIONS defines: list, rows"),
  Command.withSubcommands([list, rows])
)
