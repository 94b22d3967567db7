import { Cause, Context, Deferred, Effect, Exit, Layer } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import {
  ack,
  Consumers,
  type ConsumerUnavailable,
  deadLetter,
  type Delivered,
  type Outcome,
  retryAfter
} from "./Consumer.ts"
import { isTransient } from "./Database/SqlFailure.ts"
import { read } from "./Domain/Reading.ts"
import { durableName, filterOf, type Projection } from "./Projection.ts"
import { applyOnce, type Decoded } from "./Projector/Batch.ts"
import { install } from "./Projector/Tables.ts"

const maxBatch = 500

/** Keeps read models up to date from the log, each with a durable consumer of its own. */
export class Projector extends Context.Service<Projector, {
  /** Fails when a projection cannot go on: the process must not look alive then. */
  readonly died: Effect.Effect<never, ConsumerUnavailable | SqlError>
  /** What keeps a projection from going on right now, by name; a retry is under way. */
  readonly troubles: Effect.Effect<ReadonlyMap<string, string>>
}>()("threeqpr-events/Projector") {
  static readonly layer = (projections: ReadonlyArray<Projection>) =>
    Layer.effect(Projector, make(projections))
}

const make = Effect.fnUntraced(function*(projections: ReadonlyArray<Projection>) {
  const died = yield* Deferred.make<never, ConsumerUnavailable | SqlError>()
  const troubles = new Map<string, string>()
  for (const projection of projections) {
    const generation = yield* install(projection)
    yield* project(projection, generation, troubles).pipe(
      Effect.onExit((exit) => Exit.isFailure(exit) ? Deferred.failCause(died, exit.cause) : Effect.void),
      Effect.forkScoped
    )
  }
  return Projector.of({ died: Deferred.await(died), troubles: Effect.sync(() => new Map(troubles)) })
})

const project = Effect.fnUntraced(
  function*(projection: Projection, generation: number, troubles: Map<string, string>) {
    const consumers = yield* Consumers
    const sql = yield* SqlClient
    let failures = 0
    const apply = (events: ReadonlyArray<Decoded>) =>
      Effect.exit(Effect.provideService(applyOnce(projection, generation, events), SqlClient, sql))

    /** Applies all, or finds by halving the ones that can never be applied. */
    const settle = (events: ReadonlyArray<Decoded>): Effect.Effect<ReadonlyArray<Outcome>> =>
      Effect.flatMap(apply(events), (exit) => {
        if (Exit.isSuccess(exit)) {
          failures = 0
          troubles.delete(projection.name)
          return Effect.succeed(events.map(() => ack))
        }
        if (isTransient(exit.cause)) {
          return Effect.as(
            retryLater(exit.cause),
            events.map(() => retryAfter(delay()))
          )
        }
        if (events.length === 1) return Effect.succeed([deadLetter(Cause.pretty(exit.cause))])
        const middle = events.length >> 1
        return Effect.map(
          Effect.all([settle(events.slice(0, middle)), settle(events.slice(middle))]),
          (halves) => halves.flat()
        )
      })
    const delay = () => Math.min(30_000, 250 * 2 ** Math.min(failures, 10))
    const retryLater = (cause: Cause.Cause<unknown>) => {
      failures++
      const reason = String(Cause.squash(cause))
      troubles.set(projection.name, reason)
      return Effect.logWarning(`projection ${projection.name} waits for the database: ${reason}`)
    }

    return yield* consumers.run({
      durable: durableName(projection.name, generation),
      filter: filterOf(projection),
      maxBatch,
      pause: Effect.suspend(() => failures === 0 ? Effect.void : Effect.sleep(delay())),
      handle: (batch) => {
        const decoded = batch.map((event) => decode(projection, event))
        const applicable = decoded.filter((event) => "json" in event)
        const settled = applicable.length === 0 ? Effect.succeed([]) : settle(applicable)
        return Effect.map(settled, (outcomes) => {
          const next = outcomes.values()
          return decoded.map((event) => "json" in event ? next.next().value ?? retryAfter(1_000) : event)
        })
      }
    })
  }
)

const utf8 = new TextDecoder()

const decode = (projection: Projection, event: Delivered): Decoded | Outcome => {
  if (!projection.types.includes(event.type)) return ack
  const reading = read(event.body)
  return reading._tag === "Event"
    ? { event, json: utf8.decode(event.body) }
    : deadLetter(`${reading.reason}: ${reading.detail}`)
}
