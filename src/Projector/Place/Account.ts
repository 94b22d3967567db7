import { Effect } from "effect"
import { Consumers, type Inspected } from "../../Consumer/Consumer.ts"
import { monotonicMillis } from "../../Process/Monotonic.ts"
import type { Projection } from "../Projection.ts"
import type { Live, Rebuild } from "../Registry.ts"
import { completeness } from "./Completeness.ts"
import { positionAt } from "./LogIdentity.ts"
import { running, type Seen } from "./Look.ts"
import { judgeAccount, patience, shortage, surplus } from "./Place.ts"
import { advance, placeOf, replay } from "./Places.ts"

/**
 * How old a durable consumer must be before it is replaced because events are missing, in milliseconds. A new one can
 * report too few pending events at first, and events in flight to a process that stops come back after seconds.
 */
const replaysAfter = 5_000

/**
 * Accounts for every entry that the durable consumer of a generation has finished. Missing events are read again from
 * the log.
 */
export const accountFor = Effect.fnUntraced(
  function*(projection: Projection, one: Live | Rebuild, state: Seen, durable: Inspected, last: number) {
    const consumers = yield* Consumers
    const position = durable.pending + durable.inFlight === 0 ? last : Math.min(last, durable.finishedTo)
    const place = yield* placeOf(one)
    // Entries that were finished once still count while they are read again.
    const upTo = Math.max(position, Math.min(last, place.replayed_to ?? 0))
    const count = completeness(projection, one.generation, one.durable, upTo)
    const counted = yield* Effect.flatMap(
      count,
      (first) => first.missing > 0 && place.replayed_to === null ? count : Effect.succeed(first)
    )
    // In an older copy of the database, `replays` can be stale. Only the replays that this process saw start count.
    const replays = Math.min(place.replays, state.replays.size)
    const judged = judgeAccount({ ...place, replays }, { ...counted, position, upTo })
    if (judged._tag === "level") state.replays.clear()
    if (judged._tag === "replaying") state.replays.add(place.replays)
    const now = yield* monotonicMillis
    state.lostAt = judged._tag === "lost" ? Math.min(state.lostAt, now) : Infinity
    const verdict = judged._tag === "lost" && now - state.lostAt >= patience(replays)
      ? { _tag: "replay" as const, after: 0, missing: judged.missing }
      : judged
    if (verdict._tag === "level" && (verdict.checkpoint > place.checkpoint || place.replays > 0)) {
      yield* advance(one, verdict.checkpoint, yield* positionAt(verdict.checkpoint))
      if (place.replays > 0) {
        yield* Effect.logInfo(`projection ${one.durable}: no event is missing now`)
      }
    }
    const fault = shortage(one.name, verdict) ?? surplusOf(one, state, counted.unexplained)
    const isNew = now - (state.durable?.since ?? -Infinity) < replaysAfter
    if (verdict._tag !== "replay" || isNew) return { ...running, fault }
    const range = { after: verdict.after, to: position }
    if (!(yield* replay(one, place, range, consumers.restart(one.durable)))) return { ...running, fault }
    state.replays.add(place.replays + 1)
    yield* Effect.logWarning(
      `projection ${one.durable}: ${verdict.missing} events up to sequence ${position} are missing in the `
        + `database. The log is read again from sequence ${verdict.after + 1}`
    )
    return { ...running, restart: true, fault }
  }
)

/** Reported when two accounts in a row find it, because entries can age out of the log during an account. */
const surplusOf = (one: Live | Rebuild, state: Seen, unexplained: number | null) => {
  if (unexplained === null) return state.surplus
  state.surplus = unexplained > 0 && state.unexplained > 0 ? surplus(one.name, unexplained) : undefined
  state.unexplained = unexplained
  return state.surplus
}
