import { Effect, Layer, Schema } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { SqlClient } from "effect/sql/SqlClient"
import { firstRow } from "../../Database/Rows.ts"
import { parseStored } from "../../Domain/ExactJson.ts"
import { toStored } from "../../Domain/StoredText.ts"
import { Api } from "../Api.ts"
import { NotFound, orUnavailable } from "../Api/Problems.ts"
import { ConversationAnswer, QprCodeAnswer, ScanAnswer, SubscriptionAnswer } from "../Api/ReadModels.ts"
import type { ListQuery } from "../Api/RowQueries.ts"
import { codeIdOf, optionalCodeIdOf } from "../CodeId.ts"
import { type Listed, pageOf } from "./Page.ts"
import { orRebuildDue } from "./RebuildDue.ts"
import { WaitFor } from "./WaitFor.ts"

/** The handlers of `/v1/scans`. */
export const scans = HttpApiBuilder.group(
  Api,
  "scans",
  Effect.fnUntraced(function*(handlers) {
    const model = yield* readModel("scans", ScanAnswer)
    return handlers.handleAll({
      list: ({ query }) => Effect.map(model.list(query), ({ rows, ...page }) => ({ scans: rows, ...page })),
      get: ({ params, query }) => model.get(params.id, query.wait_for)
    })
  })
)

/** The handlers of `/v1/conversations`. */
export const conversations = HttpApiBuilder.group(
  Api,
  "conversations",
  Effect.fnUntraced(function*(handlers) {
    const model = yield* readModel("conversations", ConversationAnswer)
    return handlers.handleAll({
      list: ({ query }) =>
        Effect.map(model.list(query), ({ rows, ...page }) => ({ conversations: rows, ...page })),
      get: ({ params, query }) => model.get(params.id, query.wait_for)
    })
  })
)

/** The handlers of `/v1/qpr-codes`. */
const qprCodes = HttpApiBuilder.group(
  Api,
  "qprCodes",
  Effect.fnUntraced(function*(handlers) {
    const sql = yield* SqlClient
    const wait = yield* WaitFor
    const model = yield* readModel("qpr_codes", QprCodeAnswer)
    return handlers.handleAll({
      list: ({ query }) =>
        Effect.map(model.list(query), ({ rows, ...page }) => ({ qpr_codes: rows, ...page })),
      get: ({ params, query }) =>
        Effect.andThen(
          wait.applied(["qpr_codes"], query.wait_for),
          Effect.flatMap(orUnavailable(Effect.provideService(codeIdOf(params.id), SqlClient, sql)), model.get)
        )
    })
  })
)

/** The handlers of `/v1/subscriptions`. */
const subscriptions = HttpApiBuilder.group(
  Api,
  "subscriptions",
  Effect.fnUntraced(function*(handlers) {
    const model = yield* readModel("subscriptions", SubscriptionAnswer)
    return handlers.handleAll({
      list: ({ query }) =>
        Effect.map(model.list(query), ({ rows, ...page }) => ({ subscriptions: rows, ...page })),
      get: ({ params, query }) => model.get(params.id, query.wait_for)
    })
  })
)

export const ReadModelsHandlers = Layer.mergeAll(scans, conversations, qprCodes, subscriptions).pipe(
  Layer.provide(WaitFor.layer)
)

/** Reads one read model, newest first. Fields from columns override the fields that 3QPR sent. */
const readModel = Effect.fnUntraced(function*<S extends Schema.ConstraintDecoder<unknown>>(
  view: keyof typeof models,
  Answer: S
) {
  const sql = yield* SqlClient
  const wait = yield* WaitFor
  const listed = models[view]

  const list = Effect.fn(`ReadModels.${view}.list`)(
    function*(query: ListQuery & { readonly wait_for?: number | undefined }) {
      yield* wait.applied([view], query.wait_for)
      const qpr_code_id = yield* optionalCodeIdOf(query.qpr_code_id)
      const { rows, ...page } = yield* pageOf(listed, { ...query, qpr_code_id })
      return { rows: yield* Schema.decodeUnknownEffect(Schema.Array(Answer))(rows), ...page }
    },
    orRebuildDue,
    Effect.provideService(SqlClient, sql),
    orUnavailable
  )

  const get = Effect.fn(`ReadModels.${view}.get`)(
    function*(id: string, sequence?: number) {
      yield* wait.applied([view], sequence)
      const found = yield* firstFound(sql`
        select (${sql.literal(listed.show)})::text as row from ${sql.literal(view)} where id = ${
        toStored(id)
      }`)
      if (found === undefined) return yield* new NotFound({ detail: `No row of ${view} has this id.` })
      return yield* Schema.decodeUnknownEffect(Answer)(parseStored(found.row))
    },
    orRebuildDue,
    Effect.provideService(SqlClient, sql),
    orUnavailable
  )

  return { list, get }
})

const firstFound = firstRow(Schema.Struct({ row: Schema.String }))

const timestamp = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

const scanRow = `data || jsonb_build_object('id', id, 'qpr_code_id', qpr_code_id, 'short_id', short_id,
  'scanned_at', coalesce(data->>'scanned_at', ${timestamp("scanned_at")}), 'country', country,
  'region', region, 'city', city, 'device', device, 'conversation_started', conversation_started,
  'conversation_messages', conversation_messages, 'metadata', coalesce(metadata, '{}'))`

const conversationRow = `data || jsonb_build_object('id', id, 'qpr_code_id', qpr_code_id, 'scan_id', scan_id,
  'started_at', case when started_at is not null then data->>'started_at' end,
  'completed_at', coalesce(data->>'completed_at', ${timestamp("completed_at")}),
  'message_count', message_count, 'metadata', coalesce(metadata, '{}'))`

const qprCodeRow =
  `data || jsonb_build_object('id', id, 'name', name, 'short_id', short_id, 'scan_url', scan_url,
  'status', status, 'created_at', coalesce(data->>'created_at', ${timestamp("created_at")}),
  'updated_at', case when updated_at is not null then data->>'updated_at' end, 'metadata', coalesce(metadata, '{}'))`

const subscriptionRow =
  `data || jsonb_build_object('id', id, 'plan', plan, 'status', status, 'last_event', last_event,
  'updated_at', coalesce(data->>'updated_at', ${timestamp("occurred_at")}))`

const models = {
  scans: {
    rows: "scans",
    at: "scanned_at",
    counters: { hours: "scan_hours", totals: "scan_total_hours", count: "scans" },
    show: scanRow,
    filters: ["short_id", "country", "region", "city", "device"]
  },
  conversations: {
    rows: "conversations",
    at: "completed_at",
    counters: { hours: "conversation_hours", totals: "conversation_total_hours", count: "conversations" },
    show: conversationRow,
    filters: ["scan_id"]
  },
  qpr_codes: { rows: "qpr_codes", at: "created_at", show: qprCodeRow, filters: ["short_id", "status"] },
  subscriptions: {
    rows: "subscriptions",
    at: "occurred_at",
    show: subscriptionRow,
    filters: ["status", "plan"]
  }
} satisfies Record<string, Listed>
