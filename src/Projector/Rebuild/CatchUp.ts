import { Effect, Option, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows } from "../../Database/Rows.ts"
import { decodeDelivery } from "../../Domain/Decode.ts"
import { eventOf } from "../../EventLog/Delivered.ts"
import { EventLog, type LoggedEntry } from "../../EventLog/EventLog.ts"
import { messageOf } from "../../Process/Failure.ts"
import { applyWithin } from "../Apply/Batch.ts"
import type { Decoded } from "../Apply/Decoded.ts"
import type { Projection } from "../Projection.ts"
import { appliedTable } from "../Tables.ts"

/** Maximum number of events that are carried over while all batches of a projection wait. */
const most = 5_000

/** Two generations cannot be brought to the same events now. Their consumers may still catch up. */
export class NotCaughtUp
  extends Schema.TaggedError<NotCaughtUp>()("NotCaughtUp", { message: Schema.String })
{}

/**
 * The log has a different event at a sequence than the one that was applied. The rows were built from another log.
 */
export class OtherEvent extends Schema.TaggedError<OtherEvent>()("OtherEvent", { message: Schema.String }) {}

/** An event that one generation has applied and another has not. */
export const Lacking = Schema.Struct({ event_id: Schema.String, sequence: Schema.Finite })
export type Lacking = typeof Lacking.Type

const allLacking = allRows(Lacking)

export interface Pair {
  readonly has: number
  readonly lacks: number
}

/** The events that one generation has applied and the other never will: it has finished everything up to `floor`. */
export const lackingUpTo = (projection: Projection, pair: Pair, floor: number) =>
  lacking(projection, pair, 0, floor)

/**
 * Applies to one generation the events after `floor` that only the other has applied. Reads them from the log. Call
 * it in a transaction that excludes batches.
 */
export const carryOver = Effect.fn("Projector.carryOver")(
  function*(projection: Projection, pair: Pair, floor: number) {
    const log = yield* EventLog
    const events = yield* lacking(projection, pair, floor, Number.MAX_SAFE_INTEGER)
    if (events.length > most) {
      return yield* new NotCaughtUp({ message: `more than ${most} events are not yet applied` })
    }
    const read = yield* Effect.forEach(
      events,
      (event) => Effect.flatMap(log.get(event.sequence), (entry) => decode(event, entry)),
      { concurrency: 64 }
    )
    // An older version of the program replaces a generation of a newer one, which applies more types.
    const decoded = read.filter(({ event: { type } }) => projection.types.includes(type))
    for (let from = 0; from < decoded.length; from += 500) {
      yield* applyWithin(projection, pair.lacks, decoded.slice(from, from + 500)).pipe(
        Effect.mapError((error) => new NotCaughtUp({ message: messageOf(error) }))
      )
    }
    return decoded.length
  }
)

const lacking = Effect.fnUntraced(
  function*(projection: Projection, { has, lacks }: Pair, after: number, upTo: number) {
    const sql = yield* SqlClient
    return yield* allLacking(sql`
      select event_id, sequence::float8 as sequence from ${sql.literal(appliedTable(projection, has))} as has
      where sequence > ${after}::bigint and sequence <= ${upTo}::bigint and not exists (
        select 1 from ${sql.literal(appliedTable(projection, lacks))} as lacks
        where lacks.event_id = has.event_id)
      order by sequence limit ${most + 1}`)
  }
)

const decode = (
  { event_id, sequence }: Lacking,
  entry: Option.Option<LoggedEntry>
): Effect.Effect<Decoded, NotCaughtUp | OtherEvent> => {
  const event = Option.getOrUndefined(Option.map(entry, eventOf))
  if (event !== undefined && event.id !== event_id) {
    return Effect.fail(
      new OtherEvent({
        message:
          `Sequence ${sequence} of the event log is event ${event.id}, but event ${event_id} was applied at that sequence.`
      })
    )
  }
  const reading = event && decodeDelivery(event.body)
  return event === undefined || reading?._tag !== "Event"
    ? Effect.fail(new NotCaughtUp({ message: `the log has no event ${event_id} at sequence ${sequence}` }))
    : Effect.succeed({ event, json: reading.text })
}
