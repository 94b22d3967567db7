import { Effect, Option, Predicate, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Consumers } from "../../Consumer/Consumer.ts"
import type { ConsumerLag } from "../../Consumer/ConsumerLag.ts"
import { firstRow } from "../../Database/Rows.ts"
import { isTransient } from "../../Database/SqlFailure.ts"
import { eventOf } from "../../EventLog/Delivered.ts"
import { EventLog } from "../../EventLog/EventLog.ts"
import { messageOf } from "../../Process/Failure.ts"
import { appliedBy } from "../Apply/AppliedCounts.ts"
import { announce } from "../Changes/Announce.ts"
import { cutoff, expire } from "../Expire.ts"
import { exclude, lead } from "../Locks.ts"
import { completeness } from "../Place/Completeness.ts"
import { otherLog } from "../Place/LogIdentity.ts"
import { placeOf } from "../Place/Places.ts"
import type { Projection } from "../Projection.ts"
import { end, type Rebuild } from "../Registry.ts"
import { buildIndexes } from "./BuildIndexes.ts"
import { carryOver, lackingUpTo, NotCaughtUp } from "./CatchUp.ts"
import { compare } from "./Compare.ts"
import { promoteGeneration } from "./PromoteGeneration.ts"

/** A rebuild counts as caught up when its consumer has at most this many unfinished events. */
const nearlyNothing = 1_000

/** One of the two generations was built from another event log. */
class OtherLog extends Schema.TaggedError<OtherLog>()("OtherLog", { message: Schema.String }) {}

/** The rebuilt read model would lack events. */
class WouldLose extends Schema.TaggedError<WouldLose>()("WouldLose", { message: Schema.String }) {}

/**
 * Ends a rebuild whose consumer has caught up, in one transaction that blocks all batches of the projection. Both
 * generations are brought to the same events. Then the views are switched, or the rows are compared. Any process may
 * try at any time; one of them does it. Temporary failures are retried.
 */
export const completeRebuild = Effect.fn("Projector.finish")(
  function*(projection: Projection, rebuild: Rebuild) {
    const consumers = yield* Consumers
    const shadow = standingOf(yield* consumers.standings, rebuild.durable)
    if (shadow === undefined || shadow.pending + shadow.inFlight > nearlyNothing) return
    const sql = yield* SqlClient
    if (rebuild.kind !== "rebuild") {
      yield* sql`update rebuilds set state = 'comparing' where id = ${rebuild.id} and state = 'running'`
    }
    yield* step(projection, rebuild).pipe(
      Effect.catchTag(
        "NotCaughtUp",
        ({ message }) => Effect.logDebug(`rebuild of ${projection.name}: ${message}`)
      ),
      Effect.catch((error) =>
        isTransient(error) || Predicate.isTagged(error, "ReadFailed")
          ? Effect.fail(error)
          : fail(rebuild, error)
      ),
      Effect.catchDefect((defect) => isTransient(defect) ? Effect.die(defect) : fail(rebuild, defect))
    )
  }
)

const step = Effect.fnUntraced(function*(projection: Projection, rebuild: Rebuild) {
  const sql = yield* SqlClient
  return yield* rebuild.completed
    ? sql.withTransaction(inOneTransaction(projection, rebuild))
    : buildIndexes(projection, rebuild)
})

const fail = (rebuild: Rebuild, error: unknown) =>
  Effect.logError(`the rebuild of ${rebuild.name} failed: ${messageOf(error)}`).pipe(
    Effect.andThen(end(rebuild.id, "failed", { error: messageOf(error) })),
    Effect.asVoid
  )

const inOneTransaction = Effect.fnUntraced(function*(projection: Projection, rebuild: Rebuild) {
  const sql = yield* SqlClient
  if (!(yield* lead(projection.name))) return
  yield* exclude(projection.name)
  yield* sql`set local statement_timeout = 0`
  const going = yield* firstLive(sql`
    select projections.generation as live from rebuilds join projections using (name)
    where rebuilds.id = ${rebuild.id} and state in ('running', 'comparing')`)
  if (going === undefined) return
  const { live } = going
  const { generation, name } = rebuild
  const { lastSequence } = yield* (yield* EventLog).state
  const standings = yield* (yield* Consumers).standings
  const floorOf = (durable: string) => {
    const standing = standingOf(standings, durable)
    if (standing === undefined) return 0
    // `finishedTo` stays at the consumer's last event, however many events of other types follow.
    return standing.pending + standing.inFlight === 0 ? lastSequence : standing.finishedTo
  }
  const strange = yield* otherLog({ name, generation })
  if (strange !== undefined) return yield* new OtherLog({ message: strange })
  yield* checkComplete(projection, rebuild, floorOf(rebuild.durable))
  const outdated = yield* otherLog({ name, generation: live })
  if (outdated !== undefined) {
    if (!rebuild.accepts_new_log || rebuild.kind !== "rebuild") {
      return yield* new OtherLog({ message: outdated })
    }
    return yield* promoteGeneration(projection, rebuild, live, yield* appliedBy(projection, generation))
  }
  const changes = yield* bringLevel(projection, rebuild, live, floorOf)
  if (rebuild.kind === "rebuild") {
    if (!rebuild.accepts_new_log) {
      yield* checkNothingLost(projection, rebuild, live, floorOf(rebuild.durable))
    }
    yield* promoteGeneration(projection, rebuild, live, yield* appliedBy(projection, generation))
  } else {
    const tables = yield* compare(projection, live, generation)
    yield* endWith(rebuild, { events: yield* appliedBy(projection, generation), tables })
    // The live read model has caught up or has lost old rows above.
    if (changes > 0) yield* announce({ name, kind: "rebuilt", sequences: [] })
  }
})

/**
 * Applies to each of two generations what only the other has applied. The live one changes only in a comparison.
 * Returns the number of changes of the live one.
 */
const bringLevel = Effect.fnUntraced(function*(
  projection: Projection,
  { durable, generation, kind, name }: Rebuild,
  live: number,
  floorOf: (durable: string) => number
) {
  yield* carryOver(projection, { has: live, lacks: generation }, floorOf(durable))
  let changes = 0
  if (kind !== "rebuild") {
    const place = yield* placeOf({ name, generation: live })
    changes += yield* carryOver(projection, { has: generation, lacks: live }, floorOf(place.durable))
  }
  // Rows expire when both generations have the same events. A later event would create its row again.
  const before = yield* cutoff
  if (before !== undefined) {
    // The log may hold events that are older than the oldest retained row.
    changes += yield* expire(projection, live, before)
    yield* expire(projection, generation, before)
  }
  return changes
})

const firstLive = firstRow(Schema.Struct({ live: Schema.Finite }))

const endWith = Effect.fnUntraced(function*(rebuild: Rebuild, result: unknown) {
  if (!(yield* end(rebuild.id, "compared", { result }))) {
    return yield* new NotCaughtUp({ message: "cancelled" })
  }
  yield* Effect.logInfo(`projection ${rebuild.name}: compared with generation ${rebuild.generation}`)
})

/**
 * Fails when the live generation has applied events that the new one has given up. They would disappear from the read
 * model.
 */
const checkNothingLost = Effect.fnUntraced(
  function*(projection: Projection, rebuild: Rebuild, live: number, floor: number) {
    const lost = yield* lackingUpTo(projection, { has: live, lacks: rebuild.generation }, floor)
    const [first] = lost
    if (first === undefined) return
    const log = yield* EventLog
    const entry = Option.getOrUndefined(yield* log.get(first.sequence))
    const why = entry === undefined
      ? "no longer in the log"
      : projection.types.includes(eventOf(entry).type)
      ? `a dead letter of ${rebuild.durable}`
      : "of a type that this version of the program does not apply"
    return yield* new WouldLose({
      message: `${lost.length} events that ${projection.name} has applied would be missing. The first is `
        + `${first.event_id} (sequence ${first.sequence}), which is ${why}. Nothing was switched. `
        + `\`threeqpr projections rebuild ${projection.name} --dry-run\` shows the rows, `
        + "and `--accept-new-log` builds the read model without them."
    })
  }
)

/**
 * Fails when a generation lacks events that its durable consumer has finished. The rebuild waits until they are read
 * again.
 */
const checkComplete = Effect.fnUntraced(function*(
  projection: Projection,
  { durable, generation, name }: Rebuild,
  position: number
) {
  const { missing } = yield* completeness(projection, generation, durable, position)
  if (missing === 0) return
  const { replays } = yield* placeOf({ name, generation })
  const message = `${missing} events are missing in generation ${generation} of ${name}`
  return replays < 2
    ? yield* new NotCaughtUp({ message: `${message}. They are read again from the log` })
    : yield* new WouldLose({
      message: `${message}, and reading the log again did not restore them. Nothing was switched. `
        + `\`threeqpr projections verify ${name} --ledger\` names events that are missing.`
    })
})

const standingOf = (standings: ReadonlyArray<ConsumerLag>, durable: string) =>
  standings.find(({ name }) => name === durable)
