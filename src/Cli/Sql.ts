import { Console, Effect, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { AdminClient, AdminUnreachable, explained } from "../Admin/Client.ts"
import { parseExact } from "../Domain/ExactJson.ts"
import { printable, printableLine } from "../Process/Printable.ts"
import { adminClient, adminUrlFlag, jsonFlag } from "./Flags.ts"
import { paint, printJson, table } from "./Output.ts"
import { wrongUsage } from "./Usage.ts"

/** `threeqpr sql`: the rows that a statement selects from the read models. */
export const sql = Command.make(
  "sql",
  {
    statement: Argument.String("statement").pipe(
      Argument.withDescription(
        "One statement that reads, such as \"select country, count(*) from scans group by 1\""
      )
    ),
    limit: Flag.Int("limit").pipe(
      Flag.withDescription("Most rows to show, 1 to 10000"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))),
      Flag.withDefault(1_000)
    ),
    timeout: Flag.Int("timeout").pipe(
      Flag.withDescription("Seconds that the statement may take, 1 to 60"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 }))),
      Flag.withDefault(10)
    ),
    json: jsonFlag,
    csv: Flag.Boolean("csv").pipe(
      Flag.withDescription("CSV with a heading instead of a table"),
      Flag.withDefault(false)
    ),
    adminUrl: adminUrlFlag
  },
  Effect.fnUntraced(function*({ adminUrl, csv, json, limit, statement, timeout }) {
    if (csv && json) return yield* wrongUsage(["sql"], "--csv and --json exclude each other.")
    const answer = yield* ask(adminUrl, { statement, limit, timeout_seconds: timeout })
    const names = answer.columns.map(({ name }) => name)
    const cells = answer.rows.map((row) => names.map((name) => row[name]))
    if (json) yield* Effect.forEach(answer.rows, printJson, { discard: true })
    else if (csv) {
      yield* Effect.forEach([names, ...cells], (line) => Console.info(line.map(csvCell).join(",")))
    } else if (cells.length > 0) {
      yield* table(
        answer.columns.map(({ name, type }) => ({ title: printableLine(name), right: numeric.test(type) })),
        cells.map((line) => line.map((value) => printableLine(textOf(value))))
      )
    }
    yield* Console.error((yield* paint).dim(`${cells.length} row${cells.length === 1 ? "" : "s"}.`))
    if (answer.cut !== null) yield* Console.error(cutNote(answer.cut, limit))
  })
).pipe(
  Command.withDescription("Read the read models with SQL, also those of the embedded database"),
  Command.withExamples([
    {
      command: "threeqpr sql \"select country, count(*) from scans group by country order by 2 desc\"",
      description: "Scans by country"
    },
    {
      command: "threeqpr sql --csv --limit 10000 \"table scan_total_days\" > days.csv",
      description: "Counters for a spreadsheet"
    }
  ])
)

/** Sends the statement. The typed client would round large numbers, so the body is parsed here. */
const ask = Effect.fnUntraced(function*(
  adminUrl: Parameters<typeof adminClient>[0],
  payload: { readonly statement: string; readonly limit: number; readonly timeout_seconds: number }
) {
  // The database waits for the statement first, and may wait for a connection before.
  const patience = `${payload.timeout_seconds + 35} seconds` as const
  const { sql: api } = yield* AdminClient.pipe(Effect.provide(adminClient(adminUrl, patience)))
  const response = yield* Effect.mapError(api.query({ payload, responseMode: "response-only" }), explained)
  const text = yield* Effect.mapError(response.text, explained)
  if (response.status === 200) return yield* Effect.mapError(decodeAnswer(parseExact(text)), explained)
  const { detail, position, title } = yield* Effect.mapError(decodeProblem(text), explained)
  const place = position === undefined ? "" : `\n\n${pointed(payload.statement, position)}`
  return yield* new AdminUnreachable({ message: `${detail ?? title}${place}`, transient: false })
})

const decodeAnswer = Schema.decodeUnknownEffect(Schema.Struct({
  columns: Schema.Array(Schema.Struct({ name: Schema.String, type: Schema.String })),
  rows: Schema.Array(Schema.Record(Schema.String, Schema.Unknown)),
  cut: Schema.NullOr(Schema.Literals(["rows", "bytes"]))
}))

const decodeProblem = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Struct({
  title: Schema.String,
  detail: Schema.optionalKey(Schema.String),
  position: Schema.optionalKey(Schema.Finite)
})))

/** The line of a statement with a position, and a mark under the character there. */
const pointed = (statement: string, position: number) => {
  const characters = [...statement]
  const before = characters.slice(0, position - 1).join("").split("\n").at(-1) ?? ""
  const after = characters.slice(position - 1).join("").split("\n")[0] ?? ""
  return `${printable(`${before}${after}`)}\n${" ".repeat([...printable(before)].length)}^`
}

const numeric = /^(smallint|integer|bigint|numeric|real|double precision)/

const textOf = (value: unknown): string =>
  value === null || value === undefined
    ? ""
    : typeof value === "string"
    ? value
    : JSON.stringify(value)

/** A field of CSV as RFC 4180 defines it. An empty text is quoted, so that it differs from null. */
const csvCell = (value: unknown) => {
  const text = textOf(value)
  return value === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll("\"", "\"\"")}"` : text
}

const cutNote = (cut: "rows" | "bytes", limit: number) =>
  cut === "rows"
    ? `More rows fit. Only ${limit} are shown, as --limit says.`
    : "More rows fit. Only those within 8 MiB are shown: select fewer columns or rows."
