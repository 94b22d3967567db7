import { Effect, Option, Predicate, Schedule, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Consumers } from "../../Consumer/Consumer.ts"
import { allRows } from "../../Database/Rows.ts"
import { decodeDelivery } from "../../Domain/Decode.ts"
import { fromStored, toStored } from "../../Domain/StoredText.ts"
import { DeadLetters } from "../../EventLog/DeadLetters.ts"
import { EventLog } from "../../EventLog/EventLog.ts"
import { durableName } from "../../Projector/Projection.ts"
import { lives } from "../../Projector/Registry.ts"

/** Reconciliation status of a page of scans, as scan ids. */
export interface Standing {
  /** Scans that this reconciliation appended before it was interrupted. */
  readonly appended: ReadonlySet<string>
  readonly deadLettered: ReadonlySet<string>
  readonly missing: ReadonlySet<string>
}

/**
 * Finds the scans that no event in the log is about. A row in the read model proves that there is an event. For scans
 * without a row, it waits until the projection has finished everything that the log holds by then.
 */
export const findMissing = Effect.fnUntraced(function*(ids: ReadonlyArray<string>, reconciliation: number) {
  if (ids.length === 0) return none(new Set())
  const sql = yield* SqlClient
  const stored = sql.in(ids.map(toStored))
  const withRow = Effect.map(
    allIds(sql`select id from scans where id in ${stored}`),
    (rows) => new Set(rows.map(({ id }) => fromStored(id)))
  )
  const own = yield* allScanIds(
    sql`select scan_id from reconciled where reconciliation = ${reconciliation} and scan_id in ${stored}`
  )
  const appended = new Set(own.map(({ scan_id }) => fromStored(scan_id)))
  const lacking = (rows: ReadonlySet<string>) => ids.filter((id) => !rows.has(id) && !appended.has(id))
  if (lacking(yield* withRow).length === 0) return none(appended)
  const durable = yield* caughtUp("scans")
  const without = lacking(yield* withRow)
  if (without.length === 0) return none(appended)
  const dead = yield* deadScans(durable, new Set(without))
  return {
    appended,
    deadLettered: new Set(without.filter((id) => dead.has(id))),
    missing: new Set(without.filter((id) => !dead.has(id)))
  } satisfies Standing
})

const allIds = allRows(Schema.Struct({ id: Schema.String }))
const allScanIds = allRows(Schema.Struct({ scan_id: Schema.String }))

const none = (appended: ReadonlySet<string>): Standing => ({
  appended,
  deadLettered: new Set(),
  missing: new Set()
})

/** Waits until a projection has finished everything that the log holds at the call. Returns its durable consumer. */
export const caughtUp = Effect.fnUntraced(function*(projection: string) {
  const log = yield* EventLog
  const { lastSequence } = yield* log.state
  return yield* Effect.gen(function*() {
    const durable = (yield* lives).find(({ name }) => name === projection)?.durable ??
      durableName(projection, 1)
    const standing = (yield* (yield* Consumers).standings).find(({ name }) => name === durable)
    const isLevel = standing !== undefined
      && (standing.finishedTo >= lastSequence || standing.pending + standing.inFlight === 0)
    return isLevel ? Option.some(durable) : Option.none<string>()
  }).pipe(
    Effect.repeat({ until: Option.isSome, schedule: Schedule.spaced("200 millis") }),
    Effect.map(Option.getOrElse(() => durableName(projection, 1)))
  )
})

/** Those of the given scans that have a dead letter of this consumer. */
const deadScans = Effect.fnUntraced(function*(consumer: string, ids: ReadonlySet<string>) {
  const deadLetters = yield* DeadLetters
  const scans = deadLetters.all({ consumer }).pipe(
    Stream.mapEffect(deadLetters.bodyOf, { concurrency: 16 }),
    Stream.flatMap((body) => Stream.fromIterable(Option.isSome(body) ? scanIn(body.value) : [])),
    Stream.filter((id) => ids.has(id))
  )
  return new Set(yield* Stream.runCollect(scans))
})

const scanIn = (body: Uint8Array) => {
  const reading = decodeDelivery(body)
  return reading._tag === "Event" && Predicate.hasProperty(reading.data, "id")
    ? [String(reading.data.id)]
    : []
}
