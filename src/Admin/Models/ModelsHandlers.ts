import { Cause, Effect, Layer, Schema } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import { allRows } from "../../Database/Rows.ts"
import { isCausedByData } from "../../Database/SqlFailure.ts"
import { parseStored } from "../../Domain/ExactJson.ts"
import { toStored } from "../../Domain/StoredText.ts"
import { messageOf } from "../../Process/Failure.ts"
import { castOf } from "../../Projector/Own/Statements.ts"
import type { Own, Projection } from "../../Projector/Projection.ts"
import { Projections } from "../../Projector/Projections.ts"
import { lives } from "../../Projector/Registry.ts"
import { Api } from "../Api.ts"
import type { ModelQuery } from "../Api/Models.ts"
import { InvalidRequest, NotFound, orUnavailable, Unavailable } from "../Api/Problems.ts"
import { usualLimit } from "../Api/Query.ts"
import { orRebuildDue } from "../ReadModels/RebuildDue.ts"
import { WaitFor } from "../ReadModels/WaitFor.ts"

/** The handlers of `/v1/models`. */
export const ModelsHandlers = HttpApiBuilder.group(
  Api,
  "models",
  Effect.fnUntraced(function*(handlers) {
    const wait = yield* WaitFor
    return handlers.handleAll({
      list: () => orUnavailable(list),
      rows: ({ params, query }) =>
        orUnavailable(
          Effect.flatMap(find(params.name), (model) =>
            Effect.andThen(wait.applied([model.name], query.wait_for), orRebuildDue(rows(model, query))))
        )
    })
  })
).pipe(Layer.provide(WaitFor.layer))

interface Model extends Projection {
  readonly own: Own
}

const isModel = (projection: Projection): projection is Model => projection.own !== undefined

const models = Effect.map(Projections, (all) => all.filter(isModel))

const tableOf = ({ name, tables }: Model) => tables[name] ?? { key: [], columns: "", indexes: [] }

const list = Effect.gen(function*() {
  const installed = yield* lives
  return {
    models: (yield* models).map((model) => ({
      name: model.name,
      version: model.version,
      live_version: installed.find(({ name }) => name === model.name)?.version ?? null,
      types: model.types,
      key: tableOf(model).key,
      columns: model.own.columns,
      filters: model.own.filters
    }))
  }
}).pipe(Effect.withSpan("Models.list"))

const rows = Effect.fn("Models.rows")(function*(model: Model, query: ModelQuery) {
  const sql = yield* SqlClient
  const { key } = tableOf(model)
  const { cursor, limit = usualLimit } = query
  const valueOf = (column: string, stored: string) =>
    sql`${stored}::text::${sql.literal(castOf(model.own.columns[column] ?? "text"))}`
  const wanted = yield* filtersOf(model, query)
  const after = cursor === undefined ? [] : yield* decodeCursor(cursor, key.length)
  const columns = sql.literal(key.join(", "))
  const conditions = [
    ...wanted.map(([column, text]) => sql`${sql.literal(column)} = ${valueOf(column, toStored(text))}`),
    ...after.length === 0 ? [] : [
      sql`(${columns}) > (${sql.csv(key.map((column, at) => valueOf(column, after[at] ?? "")))})`
    ]
  ]
  const found = yield* allFound(sql`
    select to_json(_row)::text as row, jsonb_build_array(${
    sql.literal(key.map((column) => `${column}::text`).join(", "))
  }) as key
    from ${sql.literal(model.name)} as _row where ${conditions.length === 0 ? sql`true` : sql.and(conditions)}
    order by ${columns} limit ${limit + 1}`).pipe(
    Effect.catchIf(
      (error) => isCausedByData(Cause.fail(error)),
      (error) =>
        new InvalidRequest({ detail: `A filter or the cursor does not fit its column: ${messageOf(error)}.` })
    )
  )
  const shown = found.slice(0, limit)
  const last = shown.at(-1)
  return {
    rows: yield* decodeRows(shown.map(({ row }) => parseStored(row))),
    limit,
    next_cursor: found.length > limit && last !== undefined ? encodeCursor(last.key) : null
  }
})

const allFound = allRows(Schema.Struct({ row: Schema.String, key: Schema.Array(Schema.String) }))
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(Schema.Record(Schema.String, Schema.Unknown)))

/** A read model that this process knows and that a projector has installed. */
const find = Effect.fnUntraced(function*(name: string) {
  const all = yield* models
  const model = all.find((model) => model.name === name)
  if (model === undefined) {
    const names = all.map(({ name }) => name).join(", ")
    return yield* new NotFound({
      detail: `PROJECTIONS defines no read model ${name} in this process. ${
        names === "" ? "It defines none." : `There are: ${names}.`
      } Built-in ones have their own paths, such as /v1/scans.`
    })
  }
  if ((yield* lives).some((live) => live.name === name)) return model
  return yield* new Unavailable({
    detail:
      `The read model ${name} is not installed yet: no process with the role projector has started with it.`
  })
})

/** The filters of a request, as column and value. */
const filtersOf = ({ name, own }: Model, query: ModelQuery) =>
  Effect.forEach(
    Object.entries(query).filter(([parameter]) => parameter.startsWith(prefix)),
    ([parameter, value]) => {
      const column = parameter.slice(prefix.length)
      return own.filters.includes(column)
        ? Effect.succeed([column, String(value)] as const)
        : Effect.fail(
          new InvalidRequest({
            detail: `${name} cannot be filtered by ${column}. ${
              own.filters.length === 0
                ? "Its definition has no filters."
                : `Allowed is ${own.filters.join(", ")}.`
            }`
          })
        )
    }
  )

const prefix = "where."

const encodeCursor = (key: ReadonlyArray<string>) => Buffer.from(JSON.stringify(key)).toString("base64url")

const decodeKey = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Array(Schema.String)))

const decodeCursor = (cursor: string, length: number) =>
  decodeKey(Buffer.from(cursor, "base64url").toString()).pipe(
    Effect.filterOrFail((key) => key.length === length, () => undefined),
    Effect.mapError(() =>
      new InvalidRequest({ detail: "The cursor is of another list. Take `next_cursor` of the page before." })
    )
  )
