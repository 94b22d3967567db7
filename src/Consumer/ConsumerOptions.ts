import type { Effect } from "effect"
import type { Delivered } from "../EventLog/Delivered.ts"
import type * as Durable from "./Durable.ts"
import type { Outcome } from "./Outcome.ts"

/** How a durable consumer of the event log is run. */
export interface ConsumerOptions {
  /** The durable consumer's name; instances with the same name share the work. */
  readonly durable: string
  /** A subject or a wildcard. */
  readonly filter: string
  /** Where it begins when it does not exist yet; with the first event when undefined. */
  readonly start?: Durable.Start | undefined
  /** The database that it feeds and where it begins whenever it is created, in place of `start`. */
  readonly feeds?: Durable.Feeds | undefined
  readonly maxBatch: number
  /** How many events the next batch may have; `maxBatch` when undefined. */
  readonly batchSize?: (() => number) | undefined
  /** Events that may wait here; twice of what is handled at a time when undefined. */
  readonly waiting?: number | undefined
  /** Batches that are handled at a time; one when undefined. */
  readonly concurrency?: number | undefined
  /**
   * Whether an event stays ours however long it is being handled; else it goes to another instance after
   * `ackWait`.
   */
  readonly hold?: boolean | undefined
  /** Done once, when the durable consumer is there. */
  readonly started?: Effect.Effect<void> | undefined
  /** Awaited before each batch is taken. */
  readonly pause: Effect.Effect<void>
  /** Whether the durable consumer may be created, asked before and after; always when undefined. */
  readonly wanted?: Effect.Effect<boolean> | undefined
  /** Handles a batch in the order of delivery; one outcome for each event. Finished before we stop. */
  readonly handle: (batch: ReadonlyArray<Delivered>) => Effect.Effect<ReadonlyArray<Outcome>>
}

/** How the redrives of a durable consumer are taken. */
export type RedriveOptions = Pick<
  ConsumerOptions,
  "durable" | "handle" | "hold" | "maxBatch" | "pause" | "wanted"
>
