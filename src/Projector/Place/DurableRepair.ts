import { Context, Effect } from "effect"
import { Consumers, type Inspected } from "../../Consumer/Consumer.ts"
import { follows } from "../Definition.ts"
import type { Projection } from "../Projection.ts"
import { type Live, type Rebuild, roleOf } from "../Registry.ts"
import { type Look, running, type Seen } from "./Look.ts"
import { absent, changedAgain, judgeDurable, pauseBefore, standstill } from "./Place.ts"
import { forgetReplays, ownDurable, rename } from "./Places.ts"

/**
 * How long a durable consumer may make no progress with events in flight, in milliseconds. The broker delivers an
 * event again after 10 seconds, or after 30 when a batch has to wait.
 */
export const StandstillPatience = Context.Reference<number>("threeqpr-events/Projector/StandstillPatience", {
  defaultValue: () => 60_000
})

/** The longest pause between two repairs of a durable consumer that is edited again and again, in milliseconds. */
export const LongestPause = Context.Reference<number>("threeqpr-events/Projector/LongestPause", {
  defaultValue: () => 30_000
})

/** How long the durable consumer of a generation may be missing before this is a fault, in milliseconds. */
export const AbsentPatience = Context.Reference<number>("threeqpr-events/Projector/AbsentPatience", {
  defaultValue: () => 30_000
})

/**
 * How old a durable consumer must be before its entries are accounted for, in milliseconds. The broker can report a new
 * one as finished before it has counted the pending events.
 */
const settles = 1_500

/** An account does not wait longer than this for a durable consumer that is replaced again and again, in milliseconds. */
const settlesWithin = 20_000

/**
 * Checks the durable consumer of a generation, and repairs it. Returns the result of the check when its entries cannot
 * be accounted for now.
 */
export const checkDurable = Effect.fnUntraced(
  function*(
    projection: Projection,
    database: string,
    one: Live | Rebuild,
    state: Seen,
    durable: Inspected | undefined,
    now: number
  ) {
    if (judgeDurable(database, durable) === "edited" && !(yield* stillFollows(projection, one))) {
      return { ...running, runs: false }
    }
    const repaired = yield* repairDurable(database, one, state, durable, now)
    if (repaired !== undefined) return repaired
    const age = ageOf(state, durable, now)
    const asBefore: Look = { ...running, fault: state.look.fault }
    if (durable === undefined) {
      return age < (yield* AbsentPatience) ? asBefore : { ...running, fault: absent(one, age) }
    }
    const stuck = yield* restartStandstill(one, state, durable, now)
    if (stuck !== undefined) return stuck
    const accountedAt = Math.max(state.accountedAt, state.seenAt ??= now)
    return age < settles && now - accountedAt < settlesWithin ? asBefore : undefined
  }
)

/**
 * How long the durable consumer of a generation is the same one, or absent, in milliseconds. One that was there at the
 * first look counts as old.
 */
const ageOf = (state: Seen, durable: Inspected | undefined, now: number) => {
  if (state.durable === undefined || state.durable.created !== durable?.created) {
    const isFirst = state.durable === undefined && durable !== undefined
    state.durable = { created: durable?.created, since: isFirst ? -Infinity : now }
  }
  return now - state.durable.since
}

/** Whether the generation still applies the event types of this process. The registry was read before the broker. */
const stillFollows = (projection: Projection, { generation, name }: Live | Rebuild) =>
  Effect.map(roleOf(name, generation), (found) => found !== undefined && follows(projection, found))

/**
 * Repairs the durable consumer of a generation, so that it delivers every event to this database. When it was
 * replaced or deleted, returns what the generation has to do.
 */
const repairDurable = Effect.fnUntraced(
  function*(database: string, one: Live | Rebuild, state: Seen, durable: Inspected | undefined, now: number) {
    const consumers = yield* Consumers
    switch (judgeDurable(database, durable)) {
      case "foreign": {
        const own = ownDurable(one, database)
        yield* rename(one, own)
        yield* Effect.logWarning(
          `the durable consumer ${one.durable} feeds database ${durable?.owner}. This database (${database}) `
            + `continues with the durable consumer ${own}`
        )
        return { ...running, runs: false } satisfies Look
      }
      case "edited":
        return yield* repairEdited(one, state, durable?.faults ?? [], now)
      case "claim":
        yield* consumers.claim(one.durable, database)
        break
      case "absent":
      case "ours":
    }
    if (now - state.repairedAt > 2 * (yield* LongestPause)) state.repairs = 0
    return undefined
  }
)

/**
 * Deletes an edited durable consumer, so that its run creates it again. Pauses when another program changes it each
 * time. Its earlier replays could not bring every event, so they do not count.
 */
const repairEdited = Effect.fnUntraced(
  function*(one: Live | Rebuild, state: Seen, faults: ReadonlyArray<string>, now: number) {
    const fault = state.repairs < 2 ? undefined : changedAgain(one.durable, faults, state.repairs)
    if (now - state.repairedAt < pauseBefore(state.repairs, yield* LongestPause)) {
      return { ...running, fault } satisfies Look
    }
    state.repairs++
    state.repairedAt = now
    state.replays.clear()
    yield* forgetReplays(one)
    yield* (yield* Consumers).restart(one.durable)
    yield* Effect.logWarning(
      `the durable consumer ${one.durable} was changed and would not deliver every event: `
        + `${faults.join("; ")}. It is created again`
    )
    return { ...running, restart: true, fault } satisfies Look
  }
)

/**
 * Deletes a durable consumer that no longer delivers its events in flight. It is created again from the checkpoint in
 * the database.
 */
const restartStandstill = Effect.fnUntraced(
  function*(one: Live | Rebuild, state: Seen, durable: Inspected, now: number) {
    const consumers = yield* Consumers
    const patience = yield* StandstillPatience
    state.standstill = standstill(state.standstill, durable, now)
    if (state.standstill === undefined || now - state.standstill.since < patience) {
      return undefined
    }
    const seconds = ((now - state.standstill.since) / 1_000).toFixed(0)
    const fault =
      `the broker has neither delivered again nor finished ${durable.inFlight} events in flight for `
      + `${seconds} seconds, although a pull request waits. The durable consumer ${one.durable} is created again `
      + "from the checkpoint in the database"
    state.standstill = undefined
    yield* consumers.restart(one.durable)
    return { ...running, restart: true, fault } satisfies Look
  }
)
