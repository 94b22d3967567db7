import { Context, DateTime, Effect, Layer, type Option, Stream } from "effect"
import { encode, type Outcome, type Result, type Started } from "../Domain/Operation.ts"
import { managerOf } from "../Nats/Manager.ts"
import { Nats } from "../Nats/Nats.ts"
import type { AppendFailed, ReadFailed } from "./EventLog.ts"
import { operationStream, operationSubject, redriveStream, redriveSubject } from "./Names.ts"
import { newId } from "./Operations/Id.ts"
import {
  allOutcomes,
  type Concerning,
  findOperation,
  newestOperations,
  type Operation,
  operationsOn,
  outcomesBehind,
  plannedIds
} from "./Operations/Records.ts"
import { makePublisher } from "./Publisher.ts"
import { makeReader, reading } from "./Reader.ts"

export type { Concerning, Operation } from "./Operations/Records.ts"

/** The record of operations: who started them, when, the request, and the result for each event. */
export class Operations extends Context.Service<Operations, {
  /** Records a new operation on these ids; the runner then starts it. If there are no ids, no operation is created. */
  readonly begin: <E>(
    asked: Omit<Started, "at" | "requested">,
    ids: Stream.Stream<string, E>
  ) => Effect.Effect<{ readonly operation: string | null; readonly count: number }, AppendFailed | E>
  /** Records the result for one event. Within two hours, only the first record of an event counts. */
  readonly record: (
    operation: string,
    id: string,
    result: Result,
    error?: string
  ) => Effect.Effect<void, AppendFailed>
  readonly find: (operation: string) => Effect.Effect<Option.Option<Operation>, ReadFailed>
  /** The newest operations first. */
  readonly list: (limit: number) => Effect.Effect<ReadonlyArray<Operation>, ReadFailed>
  /** Adds ids to an operation that already has `planned` ids. */
  readonly extend: (
    operation: Operation,
    planned: number,
    ids: ReadonlyArray<string>
  ) => Effect.Effect<void, AppendFailed>
  /** Results after the sequence `after`, in the order in which they were recorded. */
  readonly outcomes: (
    operation: string,
    after: number,
    limit: number
  ) => Effect.Effect<{ readonly outcomes: ReadonlyArray<Outcome>; readonly cursor: number }, ReadFailed>
  /** The results of all events that have one. */
  readonly allOutcomes: (operation: string) => Effect.Effect<ReadonlyArray<Outcome>, ReadFailed>
  /** All ids of the operation. */
  readonly planned: (operation: string) => Effect.Effect<ReadonlyArray<string>, ReadFailed>
  /** The results of operations on these ids (of dead letters or quarantined entries), oldest operation first. */
  readonly concerning: (ids: ReadonlySet<string>) => Effect.Effect<ReadonlyArray<Concerning>, ReadFailed>
  /** Removes the redrive requests that no consumer has settled yet. */
  readonly withdraw: (operation: string) => Effect.Effect<void, ReadFailed>
  /** Cancels the operation. Events that it has not started to handle stay unchanged. */
  readonly cancel: (operation: string, by: string) => Effect.Effect<void, AppendFailed | ReadFailed>
}>()("threeqpr-events/Operations") {
  static readonly layer = Layer.effect(Operations, Effect.suspend(() => make()))
}

/** Stores a record. Within two hours, only the first record with an id counts. */
type Append = (subject: string, body: Uint8Array, id: string) => Effect.Effect<unknown, AppendFailed>

const make = Effect.fnUntraced(function*() {
  const nats = yield* Nats
  const publish = yield* makePublisher(operationStream)
  const manager = yield* managerOf(nats)
  const { first, read } = makeReader(nats, manager, { stream: operationStream })
  const records = { manager, first, read }
  const append: Append = (subject, body, id) => publish({ subject, headers: [["Nats-Msg-Id", id]], body })
  const withdraw = (id: string) =>
    Effect.asVoid(reading(() => manager.streams.purge(redriveStream, { filter: redriveSubject("*", id) })))

  return Operations.of({
    begin: (asked, ids) => begin(append, asked, ids),
    record: Effect.fnUntraced(function*(operation, id, result, error) {
      const at = DateTime.formatIso(yield* DateTime.now)
      const outcome = encode({ id, result, error: error?.slice(0, 2_000) ?? null, at })
      yield* append(operationSubject(operation, result), outcome, `${operation}:${id}`)
    }),
    extend: (operation, planned, ids) => extend(append, operation, planned, ids),
    find: (id) => findOperation(records, id),
    concerning: (ids) => operationsOn(records, ids),
    list: (limit) => newestOperations(records, limit),
    outcomes: (id, after, limit) => outcomesBehind(records, id, after, limit),
    allOutcomes: (id) => allOutcomes(records, id),
    planned: (id) => plannedIds(records, id),
    withdraw,
    cancel: Effect.fn("Operations.cancel")(function*(id, by) {
      const at = DateTime.formatIso(yield* DateTime.now)
      yield* append(operationSubject(id, "cancelled"), encode({ by, at }), `${id}:cancelled`)
      yield* withdraw(id)
      yield* Effect.logInfo(`operation ${id} was cancelled by ${by}`)
    })
  })
})

const begin = Effect.fn("Operations.begin")(
  function*<E>(append: Append, asked: Omit<Started, "at" | "requested">, ids: Stream.Stream<string, E>) {
    const id = yield* newId
    const at = DateTime.formatIso(yield* DateTime.now)
    let count = 0
    yield* ids.pipe(
      Stream.rechunk(planPart),
      Stream.runForEachArray((part) =>
        Effect.andThen(plan(append, id, count, part), Effect.sync(() => void (count += part.length)))
      )
    )
    if (count === 0) return { operation: null, count }
    // Published last: without this record the operation does not exist.
    yield* append(
      operationSubject(id, "started"),
      encode({ ...asked, at, requested: count }),
      `${id}:started`
    )
    yield* Effect.logInfo(`${asked.kind} ${id} of ${count} events started by ${asked.by}`)
    return { operation: id, count }
  }
)

const extend = Effect.fnUntraced(
  function*(append: Append, { id, kind }: Operation, planned: number, ids: ReadonlyArray<string>) {
    yield* plan(append, id, planned, ids)
    const requested = planned + ids.length
    yield* append(operationSubject(id, "extended"), encode({ requested }), `${id}:extended:${requested}`)
    if (ids.length > 0) {
      yield* Effect.logInfo(`${kind} ${id} includes ${ids.length} more events that were stored meanwhile`)
    }
  }
)

/** Records ids of an operation that already has `planned` ids. */
const plan = Effect.fnUntraced(
  function*(append: Append, id: string, planned: number, ids: ReadonlyArray<string>) {
    for (let from = 0; from < ids.length; from += planPart) {
      const part = encode({ ids: ids.slice(from, from + planPart) })
      yield* append(operationSubject(id, "planned"), part, `${id}:planned:${planned + from}`)
    }
  }
)

/** Number of ids in one record of the plan, because a record must fit in one message. */
const planPart = 2_000
