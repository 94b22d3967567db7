import type { Effect } from "effect"
import type { NatsProcess } from "../support/NatsProcess.ts"
import type { Serve } from "../support/Serve.ts"
import type { Case, Kind } from "./Case.ts"
import type { Ledger } from "./Ledger.ts"
import type { Storm } from "./Storms.ts"

/** The limits of every target. */
export const maxInFlight = 64
export const maxBodyBytes = 1_048_576

/** Reports a problem of a kind of case. */
export type Found = (kind: string, what: string) => void

/** A receiver of webhooks under test. It runs in its own process. */
export interface Target {
  readonly name: string
  readonly process: Serve
  readonly kinds: ReadonlyArray<Kind>
  readonly storms: ReadonlyArray<Storm>
  /** Every status that it must answer at least once. */
  readonly statuses: ReadonlyArray<number>
  /** Whether it accepts another request on a connection after a refused one. */
  readonly continues: boolean
  readonly portOf: (one: Case) => number
  /** Whether it stores deliveries now. */
  readonly ready: () => Promise<boolean>
  /** Runs at the end. Returns how often each outcome occurred; empty when the target does not count them. */
  readonly outcomes: (found: Found) => Effect.Effect<Readonly<Record<string, number>>>
}

/** What a target stores events with. */
export interface Surroundings {
  readonly broker: NatsProcess
  readonly ledger: Ledger
}
