import { Effect, Option, Stream } from "effect"
import type { JetStreamManager } from "nats"
import { Cancelled, decoder, Extended, Outcome, Planned, Result, Started } from "../../Domain/Operation.ts"
import { entriesOf } from "../Entries.ts"
import type { EventLog, Page, ReadFailed } from "../EventLog.ts"
import { operationOf, operationStream, operationSubject } from "../Names.ts"
import { newest } from "../Newest.ts"
import { lastOf, reading } from "../Reader.ts"
import { isId } from "./Id.ts"

/** An operation and its progress. */
export interface Operation extends Started {
  readonly id: string
  /** Number of events by result. */
  readonly results: Readonly<Partial<Record<Result, number>>>
  /** Number of events that have no result yet. */
  readonly left: number
  readonly cancelled: typeof Cancelled.Type | undefined
}

/** One id in an operation, and its outcome. Undefined until the outcome is recorded. */
export interface Concerning {
  readonly operation: Operation
  readonly id: string
  readonly outcome: Outcome | undefined
}

/** Access to the operation stream. */
export interface Records extends Pick<EventLog["Service"], "first" | "read"> {
  readonly manager: JetStreamManager
}

const all = ({ read }: Records, filter: string) => Stream.runCollect(entriesOf(read, { after: 0, filter }))

/** The outcomes of all events that have one. */
export const allOutcomes = (records: Records, id: string) =>
  Effect.map(all(records, operationSubject(id, "*")), outcomesIn)

/** All ids of the operation. */
export const plannedIds = (records: Records, id: string) =>
  Effect.map(
    all(records, operationSubject(id, "planned")),
    (parts) => parts.flatMap(({ body }) => asPlanned(body)?.ids ?? [])
  )

/** Outcomes after the sequence `after`, in the order in which they were recorded. */
export const outcomesBehind = Effect.fnUntraced(function*(
  { read }: Records,
  id: string,
  after: number,
  limit: number
) {
  if (!isId(id)) return { outcomes: [], cursor: after }
  const { cursor, entries } = yield* read({ after, limit, filter: operationSubject(id, "*") })
  return { outcomes: outcomesIn(entries), cursor }
})

/** Finds an operation by its id. */
export const findOperation = (
  records: Records,
  id: string
): Effect.Effect<Option.Option<Operation>, ReadFailed> =>
  isId(id)
    ? Effect.flatMap(
      counts(records, operationSubject(id, ">")),
      (subjects) => operation(records, id, subjects)
    )
    : Effect.succeed(Option.none())

/** Number of records by subject. */
const counts = ({ manager }: Records, filter: string) =>
  Effect.map(
    reading(() => manager.streams.info(operationStream, { subjects_filter: filter })),
    ({ state }) => state.subjects ?? {}
  )

/** The last record with this subject, decoded. */
const last = <A>({ manager }: Records, subject: string, decode: (body: Uint8Array) => A | undefined) =>
  Effect.map(
    lastOf(manager, operationStream, subject),
    (entry) => Option.getOrUndefined(Option.flatMapNullishOr(entry, ({ body }) => decode(body)))
  )

const operation = Effect.fnUntraced(function*(
  records: Records,
  id: string,
  subjects: Readonly<Record<string, number>>
) {
  const lastIfCounted = <A>(subject: string, decode: (body: Uint8Array) => A | undefined) =>
    subjects[subject] === undefined ? Effect.undefined : last(records, subject, decode)
  const begun = yield* last(records, operationSubject(id, "started"), asStarted)
  if (begun === undefined) return Option.none<Operation>()
  const cancelled = yield* lastIfCounted(operationSubject(id, "cancelled"), asCancelled)
  const extended = yield* lastIfCounted(operationSubject(id, "extended"), asExtended)
  const { requested } = extended ?? begun
  const results = Object.fromEntries(
    Result.literals.flatMap((result) => {
      const count = subjects[operationSubject(id, result)]
      return count === undefined ? [] : [[result, count]]
    })
  )
  const ended = Object.values(results).reduce((sum, count) => sum + count, 0)
  return Option.some<Operation>({ ...begun, id, requested, results, left: requested - ended, cancelled })
})

/** The newest operations first. */
export const newestOperations = Effect.fn("Operations.list")(function*(records: Records, limit: number) {
  const { state } = yield* reading(() => records.manager.streams.info(operationStream))
  const { entries } = yield* newest(records, {
    // `first_seq` is 0 if the stream never had a message.
    from: Math.max(1, state.first_seq),
    before: state.last_seq + 1,
    limit,
    filter: operationSubject("*", "started")
  })
  const ids = new Set(entries.map(({ subject }) => operationOf(subject)))
  const found = yield* Effect.forEach(ids, (id) => findOperation(records, id), { concurrency: 8 })
  return found.flatMap(Option.toArray)
})

/** The outcomes of operations on these ids (of dead letters or quarantined entries), oldest operation first. */
export const operationsOn = Effect.fn("Operations.concerning")(
  function*(records: Records, ids: ReadonlySet<string>) {
    const plans = new Map<string, Array<string>>()
    for (const { body, subject } of yield* all(records, operationSubject("*", "planned"))) {
      const named = asPlanned(body)?.ids.filter((id) => ids.has(id)) ?? []
      if (named.length > 0) {
        plans.set(operationOf(subject), named.concat(plans.get(operationOf(subject)) ?? []))
      }
    }
    const found = yield* Effect.forEach(plans, ([id, named]) =>
      Effect.gen(function*() {
        const begun = yield* findOperation(records, id)
        if (Option.isNone(begun)) return []
        const outcomes = yield* allOutcomes(records, id)
        return named.map((id): Concerning => ({
          operation: begun.value,
          id,
          outcome: outcomes.find((outcome) => outcome.id === id)
        }))
      }))
    return found.flat().toSorted((a, b) => a.operation.id < b.operation.id ? -1 : 1)
  }
)

const asStarted = decoder(Started)
const asCancelled = decoder(Cancelled)
const asOutcome = decoder(Outcome)
const asPlanned = decoder(Planned)
const asExtended = decoder(Extended)

const outcomesIn = (entries: Page["entries"]): ReadonlyArray<Outcome> =>
  entries.flatMap(({ body, subject }) => isResult(subject) ? asOutcome(body) ?? [] : [])

const isResult = (subject: string) => Result.literals.some((result) => subject.endsWith(`.${result}`))
