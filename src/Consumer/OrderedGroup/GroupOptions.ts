import type { Effect, Scope } from "effect"
import type { DeadLetters } from "../../EventLog/DeadLetters.ts"
import type { Delivered } from "../../EventLog/Delivered.ts"
import type { LoggedEntry, ReadFailed, ReadOptions } from "../../EventLog/EventLog.ts"
import type { Turn } from "./Fence.ts"
import type { GroupConfig, GroupStore } from "./GroupStore.ts"
import type { Judged } from "./Handler.ts"
import type { LeaseClock } from "./LeaseClock.ts"
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
  readonly log: {
    readonly check: Effect.Effect<string | undefined, ReadFailed>
    readonly saw: (entry: LoggedEntry | undefined) => void
    readonly remember: Effect.Effect<void, ReadFailed>
  }
  /** Calls `listener` when the connection is lost (false) and when it is restored (true). */
  readonly onChange: (listener: (connected: boolean) => void) => Effect.Effect<void, never, Scope.Scope>
  readonly isConnected: () => boolean
  /** Whether the connection has ended and is not restored. */
  readonly isClosed: () => boolean
  readonly scheduler: PartitionScheduler<Waiting<T>>
  readonly read: (options: ReadOptions) => Effect.Effect<ReadonlyArray<LoggedEntry>, ReadFailed>
  readonly deadLetters: DeadLetters["Service"]
  readonly waitingOf: (delivered: Delivered) => Waiting<T> | undefined
  readonly handle: (waiting: Waiting<T>, turn: Turn) => Effect.Effect<Judged>
}
