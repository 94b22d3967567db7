import { Context, Effect } from "effect"
import { Consumers, type Inspected } from "../../Consumer/Consumer.ts"
import type { Live, Rebuild } from "../Registry.ts"
import { type Look, running, type Seen } from "./Look.ts"
import { judgeDurable, standstill } from "./Place.ts"
import { ownDurable, rename } from "./Places.ts"

/**
 * How long a durable consumer may make no progress with events in flight, in milliseconds. The broker delivers an
 * event again after 10 seconds, or after 30 when a batch has to wait.
 */
export const StandstillPatience = Context.Reference<number>("threeqpr-events/Projector/StandstillPatience", {
  defaultValue: () => 60_000
})

/**
 * Repairs the durable consumer of a generation, so that it delivers every event to this database. When it was
 * replaced or deleted, returns what the generation has to do.
 */
export const repairDurable = Effect.fnUntraced(
  function*(database: string, one: Live | Rebuild, durable: Inspected | undefined) {
    const consumers = yield* Consumers
    switch (judgeDurable(database, durable)) {
      case "foreign": {
        const own = ownDurable(one, database)
        yield* rename(one, own)
        yield* Effect.logWarning(
          `the durable consumer ${one.durable} feeds database ${durable?.owner}. This database (${database}) `
            + `continues with the durable consumer ${own}`
        )
        return { ...running, runs: false } satisfies Look
      }
      case "edited":
        yield* consumers.restart(one.durable)
        yield* Effect.logWarning(
          `the durable consumer ${one.durable} was changed and would not deliver every event: `
            + `${durable?.faults.join("; ")}. It is created again`
        )
        return { ...running, restart: true } satisfies Look
      case "claim":
        yield* consumers.claim(one.durable, database)
        break
      case "absent":
      case "ours":
    }
    return undefined
  }
)

/**
 * Deletes a durable consumer that no longer delivers its events in flight. It is created again from the checkpoint in
 * the database.
 */
export const restartStandstill = Effect.fnUntraced(
  function*(one: Live | Rebuild, state: Seen, durable: Inspected, now: number) {
    const consumers = yield* Consumers
    const patience = yield* StandstillPatience
    state.standstill = standstill(state.standstill, durable, now)
    if (state.standstill === undefined || now - state.standstill.since < patience) {
      return undefined
    }
    const seconds = ((now - state.standstill.since) / 1_000).toFixed(0)
    const fault =
      `the broker has neither delivered again nor finished ${durable.inFlight} events in flight for `
      + `${seconds} seconds, although a pull request waits. The durable consumer ${one.durable} is created again `
      + "from the checkpoint in the database"
    state.standstill = undefined
    yield* consumers.restart(one.durable)
    return { ...running, restart: true, fault } satisfies Look
  }
)
