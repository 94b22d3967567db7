import type { Effect } from "effect"
import type { Delivered } from "../EventLog/Delivered.ts"
import type * as Durable from "./Durable.ts"
import type { Outcome } from "./Outcome.ts"

/** How to run a durable consumer of the event log. */
export interface ConsumerOptions {
  /** The durable consumer's name; instances with the same name share the work. */
  readonly durable: string
  /** A subject or a wildcard. */
  readonly filter: string
  /** Where it starts when it does not exist yet. Default: the first event. */
  readonly start?: Durable.Start | undefined
  /** The database that it feeds, and where it starts whenever it is created. Replaces `start`. */
  readonly feeds?: Durable.Feeds | undefined
  readonly maxBatch: number
  /** Maximum size of the next batch. Default: `maxBatch`. */
  readonly batchSize?: (() => number) | undefined
  /** Maximum number of events that wait in this process. Default: twice the number that is handled at once. */
  readonly waiting?: number | undefined
  /** Maximum number of batches that are handled at once. Default: 1. */
  readonly concurrency?: number | undefined
  /**
   * Whether this instance keeps an event for as long as its handling takes. Otherwise the event goes to another
   * instance after `ackWait`.
   */
  readonly hold?: boolean | undefined
  /** Runs once, when the durable consumer exists. */
  readonly started?: Effect.Effect<void> | undefined
  /** Awaited before each batch is taken. */
  readonly pause: Effect.Effect<void>
  /** Whether the durable consumer may be created. Checked before and after the creation. Default: always. */
  readonly wanted?: Effect.Effect<boolean> | undefined
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
