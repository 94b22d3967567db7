import type { Effect } from "effect"
import type { Delivered } from "../EventLog/Delivered.ts"
import type { DurableOptions } from "./Durable.ts"
import type { Outcome } from "./Outcome.ts"

/** How to run a durable consumer of the event log. */
export interface ConsumerOptions extends Omit<DurableOptions, "ackWait" | "handle" | "stream"> {
  /**
   * Handles a batch in the order of delivery and returns one outcome per event. It finishes before the consumer
   * stops.
   */
  readonly handle: (batch: ReadonlyArray<Delivered>) => Effect.Effect<ReadonlyArray<Outcome>>
}

/** How to handle the redrives of a durable consumer. */
export type RedriveOptions = Pick<
  ConsumerOptions,
  "durable" | "handle" | "hold" | "maxBatch" | "pause" | "wanted"
>
