import type { Effect } from "effect"
import type { DeadLetters } from "../../EventLog/DeadLetters.ts"
import type { Delivered } from "../../EventLog/Delivered.ts"
import type { Reader } from "../../EventLog/Reader.ts"
import type { Nats } from "../../Nats/Nats.ts"
import type { Turn } from "./Fence.ts"
import type { GroupConfig, GroupStore } from "./GroupStore.ts"
import type { Judged } from "./Handler.ts"
import type { LeaseClock } from "./LeaseClock.ts"
import type { logGuard } from "./LogGuard.ts"
import type { PartitionScheduler } from "./PartitionScheduler.ts"
import type { Waiting } from "./Waiting.ts"

/** The dependencies of a member of an ordered group: its store, the log, and the handler of events. */
export interface GroupOptions<T extends string> {
  readonly name: string
  readonly id: string
  readonly filter: string
  readonly stopWithin: number
  readonly lease: number
  readonly clock: LeaseClock
  readonly config: GroupConfig
  readonly store: GroupStore
  /** Compares the log with the group, and records what was read of it. */
  readonly log: ReturnType<typeof logGuard>
  readonly nats: Nats["Service"]
  readonly scheduler: PartitionScheduler<Waiting<T>>
  readonly reader: Reader
  readonly deadLetters: DeadLetters["Service"]
  readonly waitingOf: (delivered: Delivered) => Waiting<T> | undefined
  readonly handle: (waiting: Waiting<T>, turn: Turn) => Effect.Effect<Judged>
}
