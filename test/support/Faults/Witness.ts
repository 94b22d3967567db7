import { Duration, Effect, type Scope } from "effect"
import type { Projection } from "../../../src/Projection.ts"
import { projections } from "../../../src/Projections.ts"
import { deadLetters } from "./Check.ts"
import { type Instrument, instruments, type Kind, type Speaking } from "./Instruments.ts"
import { accountOf, liveOf } from "./ReadModels.ts"
import { holds, positions, readStream, type StoredEntry } from "./Stored.ts"
import type { System } from "./System.ts"

/** How long an instrument may be green while a read model differs from the log, in milliseconds. */
const patience = 30_000

/** Looks at a running system, and holds what its instruments say against what it finds itself. */
export interface Witness {
  /** Instruments that were green for too long, in words. */
  readonly problems: ReadonlyArray<string>
  /** Looks that came to their end, and those of them that found a difference. */
  readonly looks: number
  readonly different: number
  /** The longest time for which an instrument was green beside a difference, in milliseconds. */
  readonly longest: number
}

/** How a read model differs from what its durable consumer has finished. */
export interface Difference {
  readonly projection: string
  readonly kind: Kind
  readonly text: string
}

/** Looks again and again until the scope ends. A look that fails, because a fault holds, says nothing. */
export const witness = Effect.fnUntraced(function*(
  system: Pick<System, "broker" | "query">,
  speaking: Speaking
): Effect.fn.Return<Witness, never, Scope.Scope> {
  const seen = { problems: new Array<string>(), looks: 0, different: 0, longest: 0 }
  const green = new Map<string, number>()
  const judge = judgeOf(seen, green)
  const readAll = instruments(speaking)
  let entries: ReadonlyArray<StoredEntry> = []
  const look = Effect.gen(function*() {
    const floors = yield* Effect.promise(() => positions(system.broker))
    const last = entries.at(-1)
    // Another log can have been put in its place.
    if (last !== undefined && !(yield* Effect.promise(() => holds(system.broker, "3QPR_EVENTS", last)))) {
      entries = []
    }
    const more = yield* Effect.promise(() =>
      readStream(system.broker, "3QPR_EVENTS", entries.at(-1)?.sequence ?? 0)
    )
    entries = [...entries, ...more]
    const found = yield* system.query(
      Effect.forEach(projections, (projection) => differences(projection, floors, system.broker, entries))
    )
    const all = found.flat()
    const differing = [...new Set(all.map(({ projection }) => projection))]
    const read = yield* readAll(differing)
    seen.looks++
    if (all.length > 0) seen.different++
    judge(all, read)
  })
  const looked = look.pipe(
    Effect.timeout("60 seconds"),
    Effect.sandbox,
    // What cannot be compared now may have been repaired meanwhile.
    Effect.catch(() => Effect.sync(() => green.clear()))
  )
  yield* Effect.forkScoped(Effect.forever(
    Effect.timed(looked).pipe(
      // It must not take the machine from what it looks at.
      Effect.flatMap(([took]) => Effect.sleep(Math.max(2_000, 3 * Duration.toMillis(took)))),
      Effect.asVoid
    )
  ))
  return seen
})

/** Notes since when each instrument is green beside a difference; a problem once that takes too long. */
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

/** Compares a projection with the entries that its durable consumer has finished. */
export const differences = Effect.fnUntraced(function*(
  projection: Projection,
  finishedBy: ReadonlyMap<string, number>,
  broker: System["broker"],
  entries: ReadonlyArray<StoredEntry>
) {
  const live = yield* liveOf(projection.name)
  const upTo = finishedBy.get(live.durable)
  if (upTo === undefined) return []
  const { skipped, twice, unexplained } = yield* accountOf(
    projection,
    live,
    entries,
    yield* deadLetters(broker),
    upTo
  )
  const stillLive = yield* liveOf(projection.name)
  if (stillLive.durable !== live.durable) return []
  const of = (kind: Difference["kind"], all: ReadonlyArray<number | string>): ReadonlyArray<Difference> =>
    all.length === 0
      ? []
      : [{
        projection: projection.name,
        kind,
        text: `${projection.name} has ${all.length} events ${kind}, the first is ${all[0]} of ${upTo}`
      }]
  return [...of("skipped", skipped), ...of("twice", twice), ...of("unexplained", unexplained)]
})
