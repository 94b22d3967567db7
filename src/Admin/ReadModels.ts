import { Effect, Layer, Option, Schema } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { SqlClient } from "effect/sql/SqlClient"
import type { Statement } from "effect/sql/Statement"
import { Api } from "./Api.ts"
import { ConversationAnswer, type ListQuery, ScanAnswer } from "./Api/ReadModels.ts"
import { NotFound, Unavailable } from "./Problems.ts"

const defaultLimit = 50

/** The handlers of `/v1/scans`. */
export const scans = HttpApiBuilder.group(
  Api,
  "scans",
  Effect.fnUntraced(function*(handlers) {
    const model = yield* readModel("scans", "scanned_at", ScanAnswer)
    return handlers.handleAll({
      list: ({ query }) => Effect.map(model.list(query), ({ rows, ...page }) => ({ scans: rows, ...page })),
      get: ({ params }) => model.get(params.id)
    })
  })
)

/** The handlers of `/v1/conversations`. */
export const conversations = HttpApiBuilder.group(
  Api,
  "conversations",
  Effect.fnUntraced(function*(handlers) {
    const model = yield* readModel("conversations", "completed_at", ConversationAnswer)
    return handlers.handleAll({
      list: ({ query }) =>
        Effect.map(model.list(query), ({ rows, ...page }) => ({ conversations: rows, ...page })),
      get: ({ params }) => model.get(params.id)
    })
  })
)

export const layer = Layer.mergeAll(scans, conversations)

/** Reads one read model: newest first, the fields 3QPR sent under those of its columns. */
const readModel = Effect.fnUntraced(function*<S extends Schema.ConstraintDecoder<unknown>>(
  view: "scans" | "conversations",
  time: "scanned_at" | "completed_at",
  Answer: S
) {
  const sql = yield* SqlClient
  const row = sql.literal(view === "scans" ? scanRow : conversationRow)
  const from = sql.literal(view)
  const at = sql.literal(time)
  const decode = Schema.decodeUnknownEffect(Schema.Array(Answer))
  const rows = (statement: Statement<{ readonly row: unknown }>) =>
    Effect.flatMap(statement, (found) => decode(found.map(({ row }) => row)))

  const list = Effect.fn(`ReadModels.${view}.list`)(function*(query: ListQuery) {
    const { limit = defaultLimit, offset = 0 } = query
    const where = sql.and([
      ...(query.qpr_code_id === undefined ? [] : [sql`qpr_code_id = ${query.qpr_code_id}`]),
      ...(query.since === undefined ? [] : [sql`${at} >= ${query.since}::text::timestamptz`]),
      ...(query.until === undefined ? [] : [sql`${at} < ${query.until}::text::timestamptz`])
    ])
    const [count] = yield* sql<{ readonly total: number }>`
      select count(*)::float8 as total from ${from} where ${where}`
    const found = yield* rows(sql<{ readonly row: unknown }>`
      select ${row} as row from ${from} where ${where}
      order by ${at} desc, id desc limit ${limit} offset ${offset}`)
    return { rows: found, total: count?.total ?? 0, limit, offset }
  }, Effect.catch(unavailable))

  const get = Effect.fn(`ReadModels.${view}.get`)(
    function*(id: string) {
      const [found] = yield* rows(
        sql<{ readonly row: unknown }>`select ${row} as row from ${from} where id = ${id}`
      )
      return Option.fromUndefinedOr(found)
    },
    Effect.catch(unavailable),
    Effect.flatMap(Option.match({
      onNone: () => Effect.fail(new NotFound({ detail: `No row of ${view} has this id.` })),
      onSome: Effect.succeed
    }))
  )

  return { list, get }
})

const unavailable = (error: unknown) =>
  Effect.logWarning("reading a read model failed", error).pipe(
    Effect.andThen(Effect.fail(new Unavailable({ detail: "The database does not answer. Try again." })))
  )

const timestamp = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

const scanRow = `data || jsonb_build_object('id', id, 'qpr_code_id', qpr_code_id, 'short_id', short_id,
  'scanned_at', coalesce(data->>'scanned_at', ${timestamp("scanned_at")}), 'country', country,
  'region', region, 'city', city, 'device', device, 'conversation_started', conversation_started,
  'conversation_messages', conversation_messages, 'metadata', coalesce(metadata, '{}'))`

const conversationRow = `data || jsonb_build_object('id', id, 'qpr_code_id', qpr_code_id, 'scan_id', scan_id,
  'started_at', data->>'started_at',
  'completed_at', coalesce(data->>'completed_at', ${timestamp("completed_at")}),
  'message_count', message_count, 'metadata', coalesce(metadata, '{}'))`
