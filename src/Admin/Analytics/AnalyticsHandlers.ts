import { Clock, DateTime, Effect, Layer, Schema } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import { allRows } from "../../Database/Rows.ts"
import { fromStored, toStored } from "../../Domain/StoredText.ts"
import { Api } from "../Api.ts"
import type { AnalyticsQuery } from "../Api/Analytics.ts"
import { NotFound, orUnavailable } from "../Api/Problems.ts"
import { codeIdOf } from "../CodeId.ts"
import { orRebuildDue } from "../ReadModels/RebuildDue.ts"
import { WaitFor } from "../ReadModels/WaitFor.ts"

/** The handlers of `/v1/analytics` and `/v1/qpr-codes/:id/analytics`. They read counters, not rows. */
export const AnalyticsHandlers = HttpApiBuilder.group(
  Api,
  "analytics",
  Effect.fnUntraced(function*(handlers) {
    const wait = yield* WaitFor
    const applied = ({ wait_for }: AnalyticsQuery) =>
      wait.applied(["scans", "conversations", "qpr_codes"], wait_for)
    return handlers.handleAll({
      code: ({ params, query }) =>
        Effect.andThen(applied(query), orUnavailable(orRebuildDue(ofCode(params.id, query)))),
      all: ({ query }) => Effect.andThen(applied(query), orUnavailable(orRebuildDue(ofAll(query))))
    })
  })
).pipe(Layer.provide(WaitFor.layer))

const day = 86_400_000
const lengths = { "7d": 7 * day, "30d": 30 * day, "90d": 90 * day, all: undefined }

/** Maximum number of entries of a time series, and of a list of the most frequent values. */
const mostEntries = 10_000
const top = 10

const ofCode = Effect.fn("Analytics.code")(function*(given: string, query: AnalyticsQuery) {
  const sql = yield* SqlClient
  const id = yield* codeIdOf(given)
  const since = yield* beginning(query)
  const from = (unit: "hour" | "day") =>
    sql`where qpr_code_id = ${toStored(id)} and ${sql.literal(unit)} >= ${since}::text::timestamptz`
  const counts = {
    scans: query.granularity === "hour"
      ? sql`scan_hours ${from("hour")}`
      : sql`(select day as hour, scans, conversations, messages from scan_code_days ${from("day")}) as days`,
    ended: sql`conversation_hours ${from("hour")}`,
    places: sql`scan_days ${from("day")}`
  }
  const analytics = yield* analyticsOf(query, counts)
  if (analytics.timeseries.length === 0 && !(yield* isKnown(id))) {
    return yield* new NotFound({ detail: "No scan, conversation or code event contains this code." })
  }
  return { qpr_code_id: id, ...analytics }
})

const ofAll = Effect.fn("Analytics.all")(function*(query: AnalyticsQuery) {
  const sql = yield* SqlClient
  const since = yield* beginning(query)
  const counts = {
    scans: sql`scan_total_hours where hour >= ${since}::text::timestamptz`,
    ended: sql`conversation_total_hours where hour >= ${since}::text::timestamptz`,
    places: sql`scan_total_days where day >= ${since}::text::timestamptz`
  }
  const top_codes = allTopCodes(sql`
    select qpr_code_id, name, short_id, scans from (
      select qpr_code_id, sum(scans::float8) as scans from scan_code_days
      where day >= ${since}::text::timestamptz group by 1 order by 2 desc, 1 limit ${top}
    ) as most left join qpr_codes on id = qpr_code_id order by scans desc, qpr_code_id`)
  const all = yield* Effect.all({ top_codes, rest: analyticsOf(query, counts) }, { concurrency: 2 })
  return {
    ...all.rest,
    top_codes: all.top_codes.map(({ name, qpr_code_id, scans, short_id }) => ({
      qpr_code_id: asSent(qpr_code_id),
      name: asSent(name),
      short_id: asSent(short_id),
      scans
    }))
  }
})

const asSent = (text: string | null) => text === null ? null : fromStored(text)

const Text = Schema.NullOr(Schema.String)

const allTopCodes = allRows(
  Schema.Struct({ qpr_code_id: Text, name: Text, short_id: Text, scans: Schema.Finite })
)

/** The start of a period: the beginning (UTC) of the first day that it covers. */
const beginning = Effect.fnUntraced(function*({ period = "30d" }: AnalyticsQuery) {
  const now = yield* Clock.currentTimeMillis
  const length = lengths[period]
  return length === undefined
    ? "-infinity"
    : DateTime.formatIso(DateTime.makeUnsafe(Math.floor((now - length) / day) * day))
})

/** The counters that a query reads, as SQL fragments for its `from` clause. */
interface Counts {
  readonly scans: Fragment
  readonly ended: Fragment
  readonly places: Fragment
}

const Entry = Schema.Struct({
  date: Schema.String,
  scans: Schema.Finite,
  started: Schema.Finite,
  messages: Schema.Finite,
  conversations_completed: Schema.Finite
})

const allEntries = allRows(Entry)

const analyticsOf = Effect.fnUntraced(function*(query: AnalyticsQuery, counts: Counts) {
  const sql = yield* SqlClient
  const { granularity = "day", period = "30d" } = query
  const format = granularity === "hour" ? `YYYY-MM-DD"T"HH24:00:00"Z"` : "YYYY-MM-DD"
  const series = allEntries(sql`
    select to_char(at at time zone 'UTC', ${format}::text) as date, sum(scans) as scans,
      sum(started) as started, sum(messages) as messages, sum(completed) as conversations_completed
    from (
      select date_trunc(${granularity}::text, hour, 'UTC') as at, sum(scans::float8) as scans,
        sum(conversations::float8) as started, sum(messages::float8) as messages, 0 as completed
      from ${counts.scans} group by 1
      union all
      select date_trunc(${granularity}::text, hour, 'UTC'), 0, 0, 0, sum(conversations::float8)
      from ${counts.ended} group by 1
    ) as series group by at order by at`)
  const byPlace = allPlaces(sql`
    select country, device, sum(scans::float8) as scans from ${counts.places} group by 1, 2`)
  const { entries, places } = yield* Effect.all({ entries: series, places: byPlace }, { concurrency: 2 })
  const sum = (of: (entry: typeof Entry.Type) => number) => entries.reduce((sum, entry) => sum + of(entry), 0)
  const scans_total = sum(({ scans }) => scans)
  const started = sum(({ started }) => started)
  return {
    period,
    granularity,
    scans_total,
    conversation_rate: ratio(started, scans_total, 2),
    avg_messages_per_conversation: ratio(sum(({ messages }) => messages), started, 1),
    top_countries: most(places, ({ country }) => asSent(country)).map(([country, scans]) => ({
      country,
      scans
    })),
    top_devices: most(places, ({ device }) => asSent(device)).map(([device, scans]) => ({ device, scans })),
    conversations_completed: sum(({ conversations_completed }) => conversations_completed),
    timeseries: entries.slice(-mostEntries).map(({ conversations_completed, date, scans }) => ({
      date,
      scans,
      conversations_completed
    }))
  }
})

const Place = Schema.Struct({ country: Text, device: Text, scans: Schema.Finite })
type Place = typeof Place.Type

const allPlaces = allRows(Place)

const most = (places: ReadonlyArray<Place>, keyOf: (place: Place) => string | null) => {
  const sums = new Map<string | null, number>()
  for (const place of places) sums.set(keyOf(place), (sums.get(keyOf(place)) ?? 0) + place.scans)
  return [...sums].toSorted(([a, x], [b, y]) => y - x || String(a).localeCompare(String(b), "en")).slice(
    0,
    top
  )
}

const isKnown = Effect.fnUntraced(function*(id: string) {
  const sql = yield* SqlClient
  const stored = toStored(id)
  const [found] = yield* sql`
    select 1 from qpr_codes where id = ${stored}
    union all (select 1 from scan_hours where qpr_code_id = ${stored} limit 1)
    union all (select 1 from conversation_hours where qpr_code_id = ${stored} limit 1)`
  return found !== undefined
})

const ratio = (part: number, whole: number, decimals: number) =>
  whole === 0 ? 0 : Number((part / whole).toFixed(decimals))
