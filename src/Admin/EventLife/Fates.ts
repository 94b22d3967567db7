import { type DeadLetter, deadLetterId } from "../../EventLog/DeadLetters/Letter.ts"
import { eventSubject } from "../../EventLog/Names.ts"
import type { Place } from "../../Projector/Apply/Applied.ts"
import type { EventLife } from "../Api/EventLife.ts"

type Fate = EventLife["projections"][number]

/** The records of one event outside of the projections. */
export interface Records {
  readonly stored: ReadonlyArray<Pick<EventLife["stored"][number], "quarantined" | "sequence" | "subject">>
  readonly letters: ReadonlyArray<Pick<DeadLetter, "attempts" | "consumer" | "error" | "id">>
  readonly consumers: ReadonlyArray<Pick<Fate, "finished_to" | "lag" | "name">>
  /** The ids of the dead letters that operators discarded. */
  readonly discarded: ReadonlySet<string>
  readonly projections: ReadonlyArray<{ readonly name: string; readonly types: ReadonlyArray<string> }>
}

/** What happened to an event in the projection of a place. */
export const fateOf = (records: Records, place: Place): Fate => {
  const { durable, generation, name } = place
  const letter = records.letters.find(({ consumer }) => consumer === durable)
  const consumer = records.consumers.find((consumer) => consumer.name === durable)
  const finished_to = consumer?.finished_to ?? 0
  return {
    name,
    generation,
    durable,
    state: stateOf(records, place, finished_to),
    sequence: place.applied ?? null,
    repeated: place.repeated,
    dead_letter: letter === undefined
      ? null
      : { id: letter.id, error: letter.error, attempts: letter.attempts },
    finished_to,
    lag: consumer?.lag ?? 0
  }
}

const stateOf = (
  { discarded, letters, projections, stored }: Records,
  { applied, durable, name }: Place,
  finishedTo: number
): Fate["state"] => {
  if (applied !== undefined) return "applied"
  if (letters.some(({ consumer }) => consumer === durable)) return "dead_letter"
  const subjects = projections.find((projection) => projection.name === name)?.types.map(eventSubject) ?? []
  const mine = stored.filter(({ subject }) => subjects.includes(subject))
  if (mine.length === 0) {
    return stored.some(({ quarantined }) => quarantined !== null) ? "quarantined" : "not_mine"
  }
  if (mine.some(({ sequence }) => discarded.has(deadLetterId(durable, sequence)))) return "discarded"
  return mine.some(({ sequence }) => sequence > finishedTo) ? "waiting" : "unknown"
}
