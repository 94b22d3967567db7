import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Consumers } from "../Consumer/Consumer.ts"
import { EventLog } from "../EventLog/EventLog.ts"
import { filterOf } from "../EventLog/Subjects.ts"
import { claims, follows, revisionOf, typesOf } from "./Definition.ts"
import { databaseId } from "./Place/Places.ts"
import type { Projection } from "./Projection.ts"
import { lives, lockedLive } from "./Registry.ts"
import { freshDurable, install } from "./Tables.ts"

/**
 * Makes the newest definition of each projection the one that its live generation follows. Processes with another one
 * see this in the registry, before each batch and before they create a durable consumer. Installs a projection that the
 * database lacks: an older copy of it can have replaced the database. Returns the registry.
 */
export const claimAll = Effect.fnUntraced(
  function*(projections: ReadonlyArray<Projection>, isStarting: boolean) {
    const before = yield* lives
    const absent = projections.filter(({ name }) => !before.some((live) => live.name === name))
    yield* Effect.forEach(absent, (projection) => install(projection, freshDurable))
    const found = absent.length === 0 ? before : yield* lives
    const claiming = projections.filter((projection) =>
      found.some((live) => live.name === projection.name && claims(projection, live, isStarting))
    )
    if (claiming.length === 0) return found
    yield* Effect.forEach(claiming, (projection) => claim(projection, isStarting))
    return yield* lives
  }
)

/**
 * The durable consumer is deleted before the claim is committed, as in a replay. It is created again with the filter
 * of the new definition. Entries of added types can be anywhere in the log, so it is read again from the beginning.
 */
const claim = Effect.fn("Projector.claim")(function*(projection: Projection, isStarting: boolean) {
  const sql = yield* SqlClient
  const { lastSequence } = yield* (yield* EventLog).state
  const { name } = projection
  yield* sql.withTransaction(Effect.gen(function*() {
    const live = yield* lockedLive(name)
    if (live === undefined || !claims(projection, live, isStarting)) return
    const { generation, types } = live
    yield* sql`update projections set claimed_version = ${projection.version}, revision = ${
      revisionOf(projection)
    },
      types = ${typesOf(projection)}::text::jsonb where name = ${name}`
    yield* sql`update rebuilds set state = 'failed', finished_at = clock_timestamp(),
        error = 'Another version of the program was deployed during the rebuild. Start it again.'
      where name = ${name} and state in ('running', 'comparing') and types <> ${
      typesOf(projection)
    }::text::jsonb`
    if (types === null || follows(projection, live)) return
    const added = projection.types.filter((type) => !types.includes(type))
    if (added.length > 0) {
      yield* sql`update places set checkpoint = 0, replayed_to = ${lastSequence}::bigint, replays = 0
        where name = ${name} and generation = ${generation}`
    }
    if (added.length > 0 || filterOf(projection) !== filterOf({ types })) {
      yield* restart(live.durable, projection)
    }
    yield* Effect.logInfo(
      `projection ${name} applies ${projection.types.join(", ")} from now on (before: ${types.join(", ")})`
        + `${added.length > 0 ? ". The log is read again from the first event" : ""}`
    )
  }))
})

/** Deletes a durable consumer, unless it feeds another database. */
const restart = Effect.fnUntraced(function*(durable: string, projection: Projection) {
  const consumers = yield* Consumers
  const owner = (yield* consumers.inspect(durable, filterOf(projection)))?.owner
  if (owner === undefined || owner === (yield* databaseId)) yield* consumers.restart(durable)
})
