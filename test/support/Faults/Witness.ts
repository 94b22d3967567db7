import { Cause, Duration, Effect, type Scope } from "effect"
import { projections } from "../../../src/Projector/Projections.ts"
import { deadLetters } from "./Check.ts"
import { type Instrument, instruments, type Kind, type Speaking } from "./Instruments.ts"
import { type Account, accountOf, appliedOf, liveOf } from "./ReadModels.ts"
import { holds, positions, readStream, type StoredEntry } from "./Stored.ts"
import type { System } from "./System.ts"

/** How long an instrument may be green while a read model differs from the log, in milliseconds. */
const patience = 30_000

/** Observes a running system, and compares its instruments with an independent check. */
export interface Witness {
  /** Descriptions of instruments that were green for too long. */
  readonly problems: ReadonlyArray<string>
  /** The number of completed checks, and of those that found a difference. */
  readonly looks: number
  readonly different: number
  /** The longest time that an instrument was green during a difference, in milliseconds. */
  readonly longest: number
  /** Why the last failed check failed; empty when none has failed. */
  readonly failure: string
}

/** A difference between a read model and the entries that its durable consumer has finished. */
export interface Difference {
  readonly projection: string
  readonly kind: Kind
  readonly text: string
}

/** Checks repeatedly until the scope ends. A check that fails because of a fault has no result. */
export const witness = Effect.fnUntraced(function*(
  system: Pick<System, "broker" | "query">,
  speaking: Speaking
): Effect.fn.Return<Witness, never, Scope.Scope> {
  const seen = { problems: new Array<string>(), looks: 0, different: 0, longest: 0, failure: "" }
  const green = new Map<string, number>()
  const judge = judgeOf(seen, green)
  const readAll = instruments(speaking)
  let entries: ReadonlyArray<StoredEntry> = []
  /** Reads the entries that the stream has now. */
  const readAgain = Effect.gen(function*() {
    const last = entries.at(-1)
    // Reads everything again if another log has replaced this one.
    if (last !== undefined && !(yield* Effect.promise(() => holds(system.broker, "3QPR_EVENTS", last)))) {
      entries = []
    }
    const more = yield* Effect.promise(() =>
      readStream(system.broker, "3QPR_EVENTS", entries.at(-1)?.sequence ?? 0)
    )
    entries = [...entries, ...more]
    return entries
  })
  const look = Effect.gen(function*() {
    const all = yield* system.query(differences(system.broker, readAgain))
    const differing = [...new Set(all.map(({ projection }) => projection))]
    const read = yield* readAll(differing)
    seen.looks++
    if (all.length > 0) seen.different++
    judge(all, read)
  })
  const looked = look.pipe(
    Effect.timeout("60 seconds"),
    Effect.sandbox,
    // A difference can have been repaired during a failed check, so all times start again.
    Effect.catch((cause) =>
      Effect.sync(() => {
        seen.failure = Cause.pretty(cause).split("\n")[0] ?? ""
        green.clear()
      })
    )
  )
  yield* Effect.forkScoped(Effect.forever(
    Effect.timed(looked).pipe(
      // Leaves most of the machine's time to the system under test.
      Effect.flatMap(([took]) => Effect.sleep(Math.max(2_000, 3 * Duration.toMillis(took)))),
      Effect.asVoid
    )
  ))
  return seen
})

/** Records since when each instrument is green during a difference, and reports a problem after too long. */
export const judgeOf = (
  seen: { problems: Array<string>; longest: number },
  green: Map<string, number>
) =>
(differences: ReadonlyArray<Difference>, read: ReadonlyArray<Instrument>, now = performance.now()) => {
  const silent = differences.flatMap(({ kind, projection, text }) =>
    read.filter(({ isRed, tells }) => tells.includes(kind) && !isRed(projection))
      .map(({ name }) => ({ key: `${projection} ${kind} ${name}`, text: `${name} is green, but ${text}` }))
  )
  const keys = new Set(silent.map(({ key }) => key))
  for (const key of green.keys()) if (!keys.has(key)) green.delete(key)
  for (const { key, text } of silent) {
    const since = green.get(key) ?? now
    green.set(key, since)
    seen.longest = Math.max(seen.longest, now - since)
    if (now - since < patience) continue
    green.delete(key)
    seen.problems.push(`for ${((now - since) / 1_000).toFixed(0)} s ${text}`)
  }
}

/**
 * Compares each projection with the entries that its durable consumer has finished, and its applied events with all
 * entries. `read` returns the whole stream.
 */
export const differences = Effect.fnUntraced(function*<E, R>(
  broker: System["broker"],
  read: Effect.Effect<ReadonlyArray<StoredEntry>, E, R>
) {
  const finishedBy = yield* Effect.promise(() => positions(broker))
  const records = yield* Effect.forEach(projections, (projection) =>
    Effect.gen(function*() {
      const live = yield* liveOf(projection.name)
      return { projection, live, applied: yield* appliedOf(projection.name, live) }
    }))
  const entries = yield* read
  const dead = yield* deadLetters(broker)
  const found = yield* Effect.forEach(records, ({ applied, live, projection }) =>
    Effect.gen(function*() {
      // Without a durable consumer no entry has to be applied yet.
      const upTo = finishedBy.get(live.durable) ?? 0
      // A rebuild can have switched meanwhile, or the projection can have another durable consumer.
      if ((yield* liveOf(projection.name)).durable !== live.durable) return []
      return differencesIn(accountOf(projection, live, applied, entries, dead, upTo), upTo)
    }))
  return found.flat()
})

/** The differences in an account up to a sequence. */
export const differencesIn = (
  { name, skipped, twice, unexplained }: Account,
  upTo: number
): ReadonlyArray<Difference> => {
  const of = (kind: Difference["kind"], all: ReadonlyArray<number | string>): ReadonlyArray<Difference> =>
    all.length === 0
      ? []
      : [{
        projection: name,
        kind,
        text: `${name} has ${all.length} events ${kind}, the first is ${all[0]} of ${upTo}`
      }]
  return [...of("skipped", skipped), ...of("twice", twice), ...of("unexplained", unexplained)]
}
