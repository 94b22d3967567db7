import { Context, Effect } from "effect"
import { Consumers } from "../../Consumer/Consumer.ts"
import { EventLog } from "../../EventLog/EventLog.ts"
import { filterOf } from "../../EventLog/Subjects.ts"
import { Nats } from "../../Nats/Nats.ts"
import { messageOf } from "../../Process/Failure.ts"
import { monotonicMillis } from "../../Process/Monotonic.ts"
import type { Projection } from "../Projection.ts"
import type { Live, Rebuild } from "../Registry.ts"
import { accountFor } from "./Account.ts"
import { checkDurable } from "./DurableRepair.ts"
import { logComparisons } from "./LogComparisons.ts"
import { type Look, nothingSeen, running, type Seen } from "./Look.ts"
import { databaseId, type Generation } from "./Places.ts"

/** How often every entry is accounted for, in milliseconds. While events are missing, every check does it. */
const accountEvery = 5_000

/** The same while more than `backlog` events are pending. Counting the log would slow their processing down. */
const accountBehindEvery = 20_000
const backlog = 5_000

/** How long the registry or the place of a generation may be unreadable before this is a fault, in milliseconds. */
export const UnreadablePatience = Context.Reference<number>("threeqpr-events/Projector/UnreadablePatience", {
  defaultValue: () => 30_000
})

/**
 * Compares the place of each generation with the log and with its durable consumer. Repairs what needs no operator:
 * missing events are read again, and an edited durable consumer is created again.
 */
export const keeper = Effect.gen(function*() {
  const consumers = yield* Consumers
  const log = yield* EventLog
  const nats = yield* Nats
  const database = yield* databaseId
  const unreadablePatience = yield* UnreadablePatience
  const seenOf = memory()
  let connection = 1
  yield* nats.onChange((connected) => void (connected || connection++))

  const { admits, otherLog } = logComparisons(log, seenOf, () => connection)

  const lookAt = Effect.fnUntraced(function*(projection: Projection, one: Live | Rebuild) {
    const state = seenOf(one)
    const now = yield* monotonicMillis
    const due = state.connection !== connection || state.look.fault !== undefined || state.unexplained > 0
      || now - state.accountedAt >= (state.pending > backlog ? accountBehindEvery : accountEvery)
    const reason = yield* otherLog(one, due)
    if (reason !== undefined) return { ...running, runs: false, otherLog: reason, fault: reason }
    const end = due ? (yield* log.state).lastSequence : undefined
    const durable = yield* consumers.inspect(one.durable, filterOf(projection))
    state.pending = durable?.pending ?? 0
    const checked = yield* checkDurable(projection, database, one, state, durable, now)
    if (checked !== undefined) return checked
    if (durable === undefined || end === undefined) return { ...running, fault: state.look.fault }
    const look = yield* accountFor(projection, one, state, durable, end)
    state.accountedAt = now
    return look
  })

  /** Checks the place of a generation. Without a connection to the broker, the previous result stays. */
  const keep = (projection: Projection, one: Live | Rebuild) =>
    Effect.suspend(() => {
      const state = seenOf(one)
      return nats.isConnected()
        ? orBefore(one, state, unreadablePatience, lookAt(projection, one))
        : Effect.succeed({ ...state.look, restart: false })
    })

  return {
    /** The identity of the database. */
    database,
    keep,
    /** Drops the state of all other generations. */
    retain: seenOf.retain,
    admits,
    otherLog: (of: Generation) => otherLog(of, true)
  }
})

/** Keeps the state of each generation between two checks. */
const memory = () => {
  const seen = new Map<string, Seen>()
  const keyOf = ({ generation, name }: Generation) => `${name}/${generation}`
  const seenOf = (of: Generation) => {
    const key = keyOf(of)
    const found = seen.get(key) ?? nothingSeen()
    seen.set(key, found)
    return found
  }
  return Object.assign(seenOf, {
    retain: (generations: ReadonlyArray<Generation>) => {
      const kept = new Set(generations.map(keyOf))
      for (const key of seen.keys()) if (!kept.has(key)) seen.delete(key)
    }
  })
}

/**
 * Stores the result of a check. A failed check keeps the previous result. It becomes a fault when checks keep
 * failing.
 */
const orBefore = <E, R>(
  { durable }: Live | Rebuild,
  state: Seen,
  unreadablePatience: number,
  look: Effect.Effect<Look, E, R>
) => {
  const before = { ...state.look, restart: false }
  return look.pipe(
    Effect.tap(() => Effect.sync(() => void (state.unreadableSince = undefined))),
    Effect.catch(Effect.fnUntraced(function*(error) {
      const message = `the place of ${durable} in the log cannot be read: ${messageOf(error)}`
      const now = yield* monotonicMillis
      state.unreadableSince ??= now
      const isFault = !before.runs || now - state.unreadableSince >= unreadablePatience
      yield* Effect.logDebug(message)
      return isFault ? { ...before, fault: message } : before
    })),
    Effect.tap((look) => Effect.sync(() => void (state.look = look)))
  )
}

export type Keeper = Effect.Success<typeof keeper>
