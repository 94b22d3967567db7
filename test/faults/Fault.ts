import { Effect } from "effect"
import type { Draw } from "../support/Faults/Bodies.ts"
import type { Ledger } from "../support/Faults/Ledger.ts"
import type { Part, System } from "../support/Faults/System.ts"

/** The system that faults are injected into. */
export interface Target extends System {
  /** A process with the private listener. */
  readonly admin: Part
  readonly ledger: Ledger
  /** Ids of the events that a fault has erased. */
  readonly erased: Set<string>
}

/** A fault that lasts for a while. */
export interface Fault {
  readonly name: string
  /** Its row in the fault catalogue. */
  readonly row: number
  /** What the fault affects. Two faults of one kind are never active at once. */
  readonly kind: "broker" | "projector" | "receiver" | "database" | "work" | "admin"
  /** Whether no other fault may be active at the same time. */
  readonly alone?: boolean
  /** Injects the fault, holds it, and restores the system. */
  readonly happen: (target: Target, draw: Draw) => Effect.Effect<void>
}

/** Waits for a number of seconds between two bounds. Short waits are more likely. */
export const between = (draw: Draw, least: number, most: number) =>
  Effect.sleep((least + draw() ** 2 * (most - least)) * 1_000)

/** An array with one random element, or none if there is no element. */
export const oneOf = <A>(draw: Draw, all: ReadonlyArray<A>): ReadonlyArray<A> =>
  all.slice(...[Math.floor(draw() * all.length)].flatMap((at) => [at, at + 1]))
