import { Effect } from "effect"
import { AdminClient } from "../../src/Admin/Client.ts"
import { Consumers } from "../../src/Consumer/Consumer.ts"
import { ack, deadLetter, type Outcome } from "../../src/Consumer/Outcome.ts"
import type { Delivered } from "../../src/EventLog/Delivered.ts"
import { until } from "./Until.ts"

/** A consumer of one type that fails while it is broken, and records what it has handled. */
export const consumerOf = Effect.fnUntraced(function*(durable: string, type: string) {
  const consumers = yield* Consumers
  const handled: Array<string> = []
  const state = { broken: true, handled }
  const outcomeOf = (event: Delivered): Outcome => {
    if (state.broken && event.id.startsWith("poison")) return deadLetter("it is poison")
    handled.push(event.id)
    return ack
  }
  const start = Effect.forkScoped(consumers.run({
    durable,
    filter: `3qpr.events.${type}`,
    maxBatch: 100,
    pause: Effect.void,
    handle: (batch) => Effect.sync(() => batch.map(outcomeOf))
  }))
  return { state, start }
})

/** Waits until a consumer has this number of dead letters, and returns them. */
export const untilDead = Effect.fnUntraced(function*(consumer: string, count: number) {
  const { deadLetters } = yield* AdminClient
  const page = yield* until(
    `${count} dead letters of ${consumer}`,
    deadLetters.list({ query: { consumer } }),
    ({ total }) => total === count
  )
  return page.dead_letters
})

/** Waits until an operation has ended, and returns it. */
export const untilDone = Effect.fnUntraced(function*(id: string | null) {
  const { operations } = yield* AdminClient
  return yield* until(
    `operation ${id} ended`,
    operations.get({ params: { id: id ?? "" } }),
    ({ state }) => state !== "running"
  )
})
