import { Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { DeadLetters } from "../../EventLog/DeadLetters.ts"
import { deadLetterId } from "../../EventLog/DeadLetters/Letter.ts"
import { idOf } from "../../EventLog/Delivered.ts"
import { EventLog, type LoggedEntry } from "../../EventLog/EventLog.ts"
import { type Concerning, Operations } from "../../EventLog/Operations.ts"
import { placesOf } from "../../Projector/Apply/Applied.ts"
import { Projections } from "../../Projector/Projections.ts"
import { Api } from "../Api.ts"
import type { EventLife } from "../Api/EventLife.ts"
import { NotFound, orUnavailable } from "../Api/Problems.ts"
import { summaryOf as letterSummary } from "../DeadLetters/DeadLettersHandlers.ts"
import { summaryOf } from "../Events/Answer.ts"
import { find } from "../Events/Find.ts"
import { standing } from "../Status/StatusHandlers.ts"
import { fateOf } from "./Fates.ts"
import { rowsOf } from "./LifeRows.ts"

/** The handler of `/v1/events/:id/life`. */
export const EventLifeHandlers = HttpApiBuilder.group(
  Api,
  "eventLife",
  Effect.fnUntraced(function*(handlers) {
    return handlers.handleAll({
      get: ({ params }) => orUnavailable(lifeOf(params.id))
    })
  })
)

/**
 * Follows one event by its id through every record of it. Projections and dead letters have an index by id. The log
 * is searched only for an event that no consumer has received.
 */
const lifeOf = Effect.fn("EventLife.get")(function*(id: string) {
  if (/\p{Cc}/u.test(id)) return yield* unknown()
  // Read the consumers first: the records that are read afterwards then include every event that a consumer has
  // finished.
  const consumers = yield* standing
  const letters = yield* (yield* DeadLetters).of({ eventId: id })
  const places = yield* placesOf(id)
  const forgotten = places.some(({ forgotten }) => forgotten !== undefined)
  const known = [
    ...places.flatMap(({ applied, repeated }) => applied === undefined ? repeated : [applied, ...repeated]),
    ...letters.map(({ sequence }) => sequence)
  ]
  const entries = yield* entriesAt(id, known)
  if (entries.length === 0 && known.length === 0) {
    entries.push(...Option.toArray(yield* find(id)))
    if (entries.length === 0) return yield* forgotten ? wasForgotten() : unknown()
  }
  const stored = entries.map(storedOf)
  const sequences = new Set([...known, ...stored.map(({ sequence }) => sequence)])
  const operations = yield* (yield* Operations).concerning(
    new Set([
      ...places.flatMap(({ durable }) => [...sequences].map((sequence) => deadLetterId(durable, sequence))),
      ...letters.map(({ id }) => id),
      ...stored.flatMap(({ quarantined_as, sequence }) => [String(sequence), String(quarantined_as ?? "")])
    ])
  )
  const discarded = new Set(
    operations.flatMap(({ id, outcome }) => outcome?.result === "discarded" ? [id] : [])
  )
  const records = { stored, letters, consumers, discarded, projections: yield* Projections }
  return {
    id,
    type: entries.map((entry) => summaryOf(entry, false).type).find((type) => type !== null)
      ?? letters[0]?.type ?? null,
    received: receivedOf(stored[0]),
    stored,
    projections: places.map((place) => fateOf(records, place)),
    dead_letters: letters.map(letterSummary),
    operations: operations.map(operationOf),
    rows: yield* rowsOf(entries)
  } satisfies EventLife
})

const receivedOf = (first: EventLife["stored"][number] | undefined): EventLife["received"] =>
  first === undefined ? null : {
    at: first.received_at,
    signed: first.signed,
    origin: first.origin,
    reconciliation: first.reconciliation,
    quarantined: first.quarantined
  }

const operationOf = ({ id, operation, outcome }: Concerning): EventLife["operations"][number] => ({
  operation: operation.id,
  kind: operation.kind,
  by: operation.by,
  at: operation.at,
  reason: operation.reason,
  id,
  result: outcome?.result ?? null,
  error: outcome?.error ?? null,
  ended_at: outcome?.at ?? null
})

const unknown = () =>
  new NotFound({
    detail: "No event with this id is in the event log, in a projection or in the dead letters."
  })

const wasForgotten = () => new NotFound({ detail: "This event was erased. Only its id is kept." })

const entriesAt = Effect.fnUntraced(function*(id: string, sequences: ReadonlyArray<number>) {
  const log = yield* EventLog
  const found = yield* Effect.forEach(
    [...new Set(sequences)].toSorted((a, b) => a - b),
    (sequence) => log.get(sequence),
    { concurrency: 8 }
  )
  // Another id means that the log is a new one, whose sequences began again.
  return found.flatMap(Option.toArray).filter((entry) => idOf(entry) === id)
})

const storedOf = (entry: LoggedEntry): EventLife["stored"][number] => {
  const { headers, subject } = entry
  const { quarantined, received_at, sequence, sha256, size } = summaryOf(entry, false)
  const reconciliation = numberOf(headers["3qpr-reconciled"])
  return {
    sequence,
    subject,
    received_at,
    size,
    sha256,
    signed: (headers["3qpr-signature"] ?? "") !== "",
    origin: reconciliation === null ? "webhook" : "reconciliation",
    reconciliation,
    quarantined,
    quarantined_as: numberOf(headers["3qpr-quarantined-as"])
  }
}

const numberOf = (text: string | undefined) => text === undefined ? null : Number(text)
