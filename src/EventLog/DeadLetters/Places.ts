import { Effect, Option, Stream } from "effect"
import type { JetStreamManager } from "nats"
import { entriesOf } from "../Entries.ts"
import type { LoggedEntry, Page, Part, ReadFailed, ReadOptions } from "../EventLog.ts"
import { deadLetterStream, deadSubjects } from "../Names.ts"
import { entryAt } from "../Reader.ts"
import { type DeadLetter, letterOf } from "./Letter.ts"

export interface PlacesOptions {
  readonly manager: JetStreamManager
  readonly read: (options: ReadOptions) => Effect.Effect<Page, ReadFailed>
  readonly first: (part: Part) => Effect.Effect<Option.Option<LoggedEntry>, ReadFailed>
}

/** Where the dead letters of one consumer are, as far as this process has read them. */
interface Known {
  readTo: number
  /** By the sequence of the event. */
  readonly places: Map<number, ReadonlySet<number>>
}

/**
 * Finds the dead letter of an event without reading all the others again: each is read once by a process. Letters that
 * are removed meanwhile are noticed when their place is asked for.
 */
export const letterPlaces = ({ first, manager, read }: PlacesOptions) => {
  const consumers = new Map<string, Known>()

  const knownOf = (consumer: string) => {
    const known = consumers.get(consumer) ?? { readTo: 0, places: new Map() }
    consumers.set(consumer, known)
    return known
  }

  const note = ({ places }: Known, { place, sequence }: Pick<DeadLetter, "place" | "sequence">) =>
    void places.set(sequence, new Set([...places.get(sequence) ?? [], place]))

  /** Reads what was stored since the last time: as a rule the letter that this process has stored itself. */
  const catchUp = Effect.fnUntraced(function*(consumer: string, known: Known) {
    const filter = deadSubjects(consumer)
    while (true) {
      const next = Option.getOrUndefined(yield* first({ after: known.readTo, filter }))
      if (next === undefined) return
      const sequence = letterOf(next)?.sequence ?? 0
      if (known.places.get(sequence)?.has(next.sequence) !== true) break
      known.readTo = Math.max(known.readTo, next.sequence)
    }
    const entries = yield* Stream.runCollect(entriesOf(read, { after: known.readTo, filter }))
    for (const entry of entries) {
      const letter = letterOf(entry)
      if (letter !== undefined) note(known, letter)
      known.readTo = Math.max(known.readTo, entry.sequence)
    }
  })

  return {
    /** The dead letters of an event, oldest first: none or one, but for an interruption. */
    of: Effect.fnUntraced(function*(consumer: string, sequence: number) {
      const known = knownOf(consumer)
      yield* catchUp(consumer, known)
      const places = [...known.places.get(sequence) ?? []].toSorted((a, b) => a - b)
      const found = yield* Effect.forEach(places, (place) => entryAt(manager, deadLetterStream, place))
      return found.flatMap((entry) => Option.toArray(Option.flatMapNullishOr(entry, letterOf)))
        .filter((letter) => letter.consumer === consumer && letter.sequence === sequence)
    }),
    /** Notes that the letter of an event was stored at a place. */
    stored: (consumer: string, sequence: number, place: number) => {
      const { places, readTo } = knownOf(consumer)
      // In a stream that was created again places begin again.
      if (place <= readTo && places.get(sequence)?.has(place) !== true) consumers.clear()
      note(knownOf(consumer), { place, sequence })
    },
    /** Notes that the letter of an event is at a place, and at no other. */
    only: (consumer: string, sequence: number, place: number) =>
      void knownOf(consumer).places.set(sequence, new Set([place]))
  }
}
