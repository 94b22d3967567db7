import { Clock, Effect, Schema } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { isDependedOn } from "../../Database/SqlFailure.ts"
import { parseStored } from "../../Domain/ExactJson.ts"
import { EventLog, type LogState } from "../../EventLog/EventLog.ts"
import { countIn, filterOf } from "../../EventLog/Subjects.ts"
import { messageOf } from "../../Process/Failure.ts"
import { appliedWithin } from "../../Projector/Apply/AppliedCounts.ts"
import { asRuled } from "../../Projector/Definition.ts"
import { completeness } from "../../Projector/Place/Completeness.ts"
import { faultOf } from "../../Projector/Place/Fault.ts"
import { ledgerPage } from "../../Projector/Place/LedgerPage.ts"
import { placeOf } from "../../Projector/Place/Places.ts"
import { type Projection, tableName } from "../../Projector/Projection.ts"
import { Projections } from "../../Projector/Projections.ts"
import * as Rebuilds from "../../Projector/Rebuild/Rebuilds.ts"
import { removeProjection } from "../../Projector/Rebuild/RemoveProjection.ts"
import { active, find, type Live, lives, type Rebuild } from "../../Projector/Registry.ts"
import { rowsIn } from "../../Projector/Rows.ts"
import { Api } from "../Api.ts"
import { Conflict, NotFound, orUnavailable } from "../Api/Problems.ts"
import { RebuildAnswer, type RebuildRequest } from "../Api/Projections.ts"
import type { ConsumerAnswer } from "../Api/Status.ts"
import { standing } from "../Status/StatusHandlers.ts"

/** The handlers of `/v1/projections`. */
export const ProjectionsHandlers = HttpApiBuilder.group(
  Api,
  "projections",
  Effect.fnUntraced(function*(handlers) {
    return handlers.handleAll({
      list: () => list.pipe(orUnavailable),
      rebuild: ({ params, payload }) => rebuild(params.name, payload).pipe(orUnavailable),
      ledger: ({ params, query }) => ledger(params.name, query.after ?? 0, query.up_to).pipe(orUnavailable),
      get: ({ params }) => get(params.name, params.id).pipe(orUnavailable),
      cancel: ({ params }) => cancel(params.name, params.id).pipe(orUnavailable),
      remove: ({ params }) => remove(params.name).pipe(orUnavailable)
    })
  })
)

const list = Effect.gen(function*() {
  // Read the state before the consumers: a consumer without pending events has then finished all entries of this
  // state.
  const state = yield* (yield* EventLog).state
  const consumers = yield* standing
  const installed = yield* lives
  const rebuilds = yield* active
  const answers = yield* Effect.forEach(
    yield* Projections,
    Effect.fnUntraced(function*(projection) {
      const live = installed.find(({ name }) => name === projection.name)
      if (live === undefined) return []
      const rebuild = rebuilds.find(({ name }) => name === live.name)
      return [{
        ...(yield* stateOf(projection, live, consumers, state)),
        rebuild: rebuild === undefined ? null : yield* answerOf(rebuild, consumers)
      }]
    }),
    { concurrency: "unbounded" }
  )
  return { projections: answers.flat() }
}).pipe(Effect.withSpan("Projections.list"))

const stateOf = Effect.fnUntraced(
  function*(projection: Projection, live: Live, consumers: ReadonlyArray<ConsumerAnswer>, log: LogState) {
    const { durable, error, error_at, generation, name, version } = live
    const consumer = consumers.find(({ name }) => name === durable)
    const rows = yield* Effect.forEach(
      // The tables of the live generation's version.
      live.tables ?? Object.keys(projection.tables),
      (table) => Effect.map(rowsIn(tableName(table, generation)), (rows) => [table, rows] as const),
      { concurrency: "unbounded" }
    )
    const finished_to = positionOf(consumer, log)
    const account = yield* accountOf(projection, live, consumers, log)
    return {
      name,
      generation,
      version,
      rebuild_due: version < projection.version,
      types: asRuled(projection, live).types,
      durable,
      finished_to,
      lag: consumer?.lag ?? 0,
      lag_seconds: consumer?.lag_seconds ?? 0,
      last_error: error === null || error_at === null ? null : { message: error, at: error_at },
      rows: Object.fromEntries(rows),
      ...account
    }
  }
)

/** The results of the entries up to the position of a live generation, and its problems. */
const accountOf = Effect.fnUntraced(
  function*(projection: Projection, live: Live, consumers: ReadonlyArray<ConsumerAnswer>, log: LogState) {
    const { durable, generation } = live
    const consumer = consumers.find(({ name }) => name === durable)
    // Without a durable consumer no event is on its way, so every event of the log counts.
    const finished = consumer === undefined ? log.lastSequence : positionOf(consumer, log)
    const { replayed_to } = yield* placeOf(live)
    // Entries that were finished once count, also while they are read again.
    const upTo = Math.max(finished, Math.min(log.lastSequence, replayed_to ?? 0))
    const account = yield* completeness(asRuled(projection, live), generation, durable, upTo)
    return { completeness: account, fault: (yield* faultOf(projection, live, account)) ?? null }
  }
)

/** The completeness of all live read models. */
export const accounts = Effect.fn("Projections.accounts")(
  function*(consumers: ReadonlyArray<ConsumerAnswer>) {
    const state = yield* (yield* EventLog).state
    const installed = yield* lives
    return yield* Effect.forEach(
      (yield* Projections).flatMap((projection) => {
        const live = installed.find(({ name }) => name === projection.name)
        return live === undefined ? [] : [{ projection, live }]
      }),
      ({ live, projection }) =>
        Effect.map(
          accountOf(projection, live, consumers, state),
          (account) => ({ name: live.name, durable: live.durable, ...account })
        ),
      { concurrency: "unbounded" }
    )
  }
)

/**
 * The last entry of a log up to which a consumer has finished everything. The consumer's ack floor stays at its last
 * event, although the consumer has finished later entries of other types.
 */
const positionOf = (consumer: ConsumerAnswer | undefined, { lastSequence }: LogState) =>
  Math.min(lastSequence, consumer?.lag === 0 ? lastSequence : consumer?.finished_to ?? 0)

const ledger = Effect.fn("Projections.ledger")(function*(name: string, after: number, asked?: number) {
  const projection = (yield* Projections).find((projection) => projection.name === name)
  const live = (yield* lives).find((live) => live.name === name)
  if (projection === undefined || live === undefined) return yield* noProjection(name)
  const { durable, generation } = live
  const state = yield* (yield* EventLog).state
  const { firstSequence } = state
  const consumer = (yield* standing).find((consumer) => consumer.name === durable)
  const up_to = Math.min(asked ?? Infinity, positionOf(consumer, state))
  const page = yield* ledgerPage(
    asRuled(projection, live),
    { durable, generation },
    Math.max(after, firstSequence - 1),
    up_to
  )
  const gone = after === 0 ? yield* appliedWithin(projection, generation, 0, firstSequence - 1) : 0
  return { projection: name, generation, up_to, ...page, gone }
})

const rebuild = Effect.fn("Projections.rebuild")(function*(name: string, asked: RebuildRequest) {
  if (!(yield* lives).some((live) => live.name === name)) return yield* noProjection(name)
  const kind = asked.verify ? "verify" : asked.dry_run ? "dry-run" : "rebuild"
  const id = yield* Rebuilds.request(name, kind, asked.by, asked.accept_new_log)
  if (id !== undefined) return yield* get(name, id)
  const going = (yield* active).find((rebuild) => rebuild.name === name)
  return yield* new Conflict({
    detail: `A ${going?.kind ?? "rebuild"} of ${name} is already running (id ${going?.id ?? "unknown"}, `
      + `requested by ${going?.requested_by ?? "an unknown client"}). Wait until it ends, or cancel it.`
  })
})

const get = Effect.fn("Projections.get")(function*(name: string, id: number) {
  const rebuild = yield* find(name, id)
  if (rebuild === undefined) {
    return yield* new NotFound({ detail: `The projection ${name} has no rebuild with id ${id}.` })
  }
  return yield* answerOf(rebuild, rebuild.finished_at === null ? yield* standing : [])
})

const cancel = Effect.fn("Projections.cancel")(function*(name: string, id: number) {
  yield* get(name, id)
  if (yield* Rebuilds.cancel(id)) return yield* get(name, id)
  return yield* new Conflict({ detail: `The rebuild ${id} of ${name} has already ended.` })
})

const remove = Effect.fn("Projections.remove")(function*(name: string) {
  if ((yield* Projections).some((projection) => projection.name === name)) {
    return yield* new Conflict({
      detail:
        `This process runs the read model ${name}. Remove its definition from the file of PROJECTIONS, start all `
        + "processes again, and repeat."
    })
  }
  const isRemoved = yield* Effect.catchIf(
    removeProjection(name),
    isDependedOn,
    (error) =>
      new Conflict({
        detail: `Something depends on the view of ${name}: ${messageOf(error)}. Drop that first.`
      })
  )
  return isRemoved ? { removed: name } : yield* noProjection(name)
})

const answerOf = Effect.fnUntraced(
  function*({ name, result, ...rebuild }: Rebuild, consumers: ReadonlyArray<ConsumerAnswer>) {
    const progress = rebuild.finished_at === null
      ? yield* progressOf({ ...rebuild, name }, consumers)
      : null
    return yield* Schema.decodeUnknownEffect(RebuildAnswer)({
      ...rebuild,
      projection: name,
      progress,
      result: parseStored(JSON.stringify(result))
    })
  }
)

/** The progress of a rebuild. */
export const progressOf = Effect.fnUntraced(function*(
  { durable, name, started_at: started }: Pick<Rebuild, "durable" | "name" | "started_at">,
  consumers: ReadonlyArray<ConsumerAnswer>
) {
  const log = yield* EventLog
  const projection = (yield* Projections).find((projection) => projection.name === name)
  const total = projection === undefined ? 0 : countIn(yield* log.census, filterOf(projection))
  const consumer = consumers.find((consumer) => consumer.name === durable)
  const done = consumer === undefined ? 0 : Math.max(0, total - consumer.lag)
  const elapsed = started === null ? 0 : ((yield* Clock.currentTimeMillis) - Date.parse(started)) / 1_000
  const per_second = elapsed > 0 ? done / elapsed : 0
  return { done, total, per_second, seconds_left: per_second > 0 ? (total - done) / per_second : null }
})

const noProjection = Effect.fnUntraced(function*(name: string) {
  const names = (yield* Projections).map(({ name }) => name)
  return yield* new NotFound({
    detail: `There is no projection ${name}. The projections are: ${names.join(", ")}.`
  })
})
