import { Context, Effect } from "effect"
import { Consumers, type Inspected } from "../../Consumer/Consumer.ts"
import { EventLog } from "../../EventLog/EventLog.ts"
import { filterOf } from "../../EventLog/Subjects.ts"
import { Nats } from "../../Nats/Nats.ts"
import { messageOf } from "../../Process/Failure.ts"
import { monotonicMillis } from "../../Process/Monotonic.ts"
import type { Projection } from "../Projection.ts"
import type { Live, Rebuild } from "../Registry.ts"
import { completeness } from "./Completeness.ts"
import { compareLog, positionAt, settle } from "./LogIdentity.ts"
import { type Look, nothingSeen, running, type Seen } from "./Look.ts"
import { judgeAccount, judgeDurable, patience, shortage, standstill, surplus } from "./Place.ts"
import { advance, databaseId, type Generation, ownDurable, placeOf, rename, replay } from "./Places.ts"

/** How often every entry is accounted for, in milliseconds; every time while events are missing. */
const accountEvery = 5_000

/** The same while more events than `backlog` wait: counting the log costs time that the events need. */
const accountBehindEvery = 20_000
const backlog = 5_000

/**
 * How long a durable consumer may stand still with events in flight, in milliseconds. The broker delivers an event again
 * after 10 seconds, and after 30 when a batch has to wait.
 */
export const StandstillPatience = Context.Reference<number>("threeqpr-events/Projector/StandstillPatience", {
  defaultValue: () => 60_000
})

/** How long the registry, or the place of a generation, may be unreadable before that is a fault, in milliseconds. */
export const UnreadablePatience = Context.Reference<number>("threeqpr-events/Projector/UnreadablePatience", {
  defaultValue: () => 30_000
})

/**
 * Compares the place of each generation with the log and with its durable consumer. Repairs what can be repaired
 * without a person: events that are missing are read again, an edited durable consumer is created again.
 */
export const keeper = Effect.gen(function*() {
  const consumers = yield* Consumers
  const log = yield* EventLog
  const nats = yield* Nats
  const database = yield* databaseId
  const standstillPatience = yield* StandstillPatience
  const unreadablePatience = yield* UnreadablePatience
  const seen = new Map<string, Seen>()
  let connection = 1
  yield* nats.onChange((connected) => void (connected || connection++))

  const seenOf = ({ generation, name }: Generation) => {
    const key = `${name}/${generation}`
    const found = seen.get(key) ?? nothingSeen()
    seen.set(key, found)
    return found
  }

  /** Why nothing may be applied from this log. The content is compared when something about the log is new. */
  const otherLog = Effect.fnUntraced(function*(of: Generation, always = false) {
    const state = seenOf(of)
    const now = yield* log.state
    const known = state.comparison
    const isSame = !always && known !== undefined && state.connection === connection
      && known.now.created === now.created && known.memory.highest <= now.lastSequence
    if (isSame) return undefined
    const comparing = connection
    const comparison = yield* compareLog(of)
    const reason = yield* settle(of, comparison)
    state.comparison = reason === undefined ? comparison : undefined
    state.connection = comparing
    return reason
  })

  /** Whether a batch may be applied: not before the log was compared on this connection to the broker. */
  const admits = (of: Generation) =>
    Effect.suspend(() => {
      const state = seenOf(of)
      return state.comparison !== undefined && state.connection === connection
        ? Effect.succeed(true)
        : Effect.map(otherLog(of), (reason) => reason === undefined)
    })

  const accountFor = Effect.fnUntraced(
    function*(projection: Projection, one: Live | Rebuild, durable: Inspected, last: number) {
      const state = seenOf(one)
      const position = durable.pending + durable.inFlight === 0 ? last : Math.min(last, durable.finishedTo)
      const place = yield* placeOf(one)
      // What was finished once counts, also while it is read again.
      const upTo = Math.max(position, Math.min(last, place.replayed_to ?? 0))
      const count = completeness(projection, one.generation, one.durable, upTo)
      const counted = yield* Effect.flatMap(
        count,
        (first) => first.missing > 0 && place.replayed_to === null ? count : Effect.succeed(first)
      )
      // An older copy of the database holds the number of readings that another state of it needed.
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
          yield* Effect.logInfo(`projection ${one.durable}: no event is missing any more`)
        }
      }
      const fault = shortage(one.name, verdict) ?? surplusOf(one, state, counted.unexplained)
      if (verdict._tag !== "replay") return { ...running, fault }
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

  /** Said when two accounts in a row find it: entries can age out of the log while one is made. */
  const surplusOf = (one: Live | Rebuild, state: Seen, unexplained: number | null) => {
    if (unexplained === null) return state.surplus
    state.surplus = unexplained > 0 && state.unexplained > 0 ? surplus(one.name, unexplained) : undefined
    state.unexplained = unexplained
    return state.surplus
  }

  /** Creates a durable consumer again whose events in flight come no more. The database knows where it has to begin. */
  const restartStandstill = Effect.fnUntraced(
    function*(one: Live | Rebuild, state: Seen, durable: Inspected, now: number) {
      state.standstill = standstill(state.standstill, durable, now)
      if (state.standstill === undefined || now - state.standstill.since < standstillPatience) {
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

  const lookAt = Effect.fnUntraced(function*(projection: Projection, one: Live | Rebuild) {
    const state = seenOf(one)
    const now = yield* monotonicMillis
    const due = state.connection !== connection || state.look.fault !== undefined || state.unexplained > 0
      || now - state.accountedAt >= (state.pending > backlog ? accountBehindEvery : accountEvery)
    const reason = yield* otherLog(one, due)
    if (reason !== undefined) return { ...running, runs: false, otherLog: reason, fault: reason }
    const { lastSequence } = yield* log.state
    const durable = yield* consumers.inspect(one.durable, filterOf(projection))
    switch (judgeDurable(database, durable)) {
      case "foreign": {
        const own = ownDurable(one, database)
        yield* rename(one, own)
        yield* Effect.logWarning(
          `the durable consumer ${one.durable} feeds database ${durable?.owner}. This database (${database}) `
            + `continues with the durable consumer ${own}`
        )
        return { ...running, runs: false }
      }
      case "edited":
        yield* consumers.restart(one.durable)
        yield* Effect.logWarning(
          `the durable consumer ${one.durable} was changed so that it would not deliver every event: `
            + `${durable?.faults.join("; ")}. It is created again`
        )
        return { ...running, restart: true }
      case "claim":
        yield* consumers.claim(one.durable, database)
        break
      case "absent":
      case "ours":
    }
    state.pending = durable?.pending ?? 0
    const stuck = durable === undefined ? undefined : yield* restartStandstill(one, state, durable, now)
    if (stuck !== undefined) return stuck
    if (durable === undefined || !due) return { ...running, fault: state.look.fault }
    const look = yield* accountFor(projection, one, durable, lastSequence)
    state.accountedAt = now
    return look
  })

  /** Looks at the place of a generation. What cannot be asked now stays as it was. */
  const keep = (projection: Projection, one: Live | Rebuild) =>
    Effect.suspend(() => {
      const state = seenOf(one)
      const before = { ...state.look, restart: false }
      if (!nats.isConnected()) return Effect.succeed(before)
      return lookAt(projection, one).pipe(
        Effect.tap(() => Effect.sync(() => void (state.unreadableSince = undefined))),
        Effect.catch(Effect.fnUntraced(function*(error) {
          const message = `the place of ${one.durable} in the log cannot be read: ${messageOf(error)}`
          const now = yield* monotonicMillis
          state.unreadableSince ??= now
          const isFault = !before.runs || now - state.unreadableSince >= unreadablePatience
          yield* Effect.logDebug(message)
          return isFault ? { ...before, fault: message } : before
        })),
        Effect.tap((look) => Effect.sync(() => void (state.look = look)))
      )
    })

  return {
    /** The identity of the database. */
    database,
    keep,
    admits,
    otherLog: (of: Generation) => otherLog(of, true)
  }
})

export type Keeper = Effect.Success<typeof keeper>
