import { Effect } from "effect"
import type { Draw } from "../support/Faults/Bodies.ts"
import type { Ledger } from "../support/Faults/Ledger.ts"
import type { Part, System } from "../support/Faults/System.ts"

/** What a fault is done to, beside the processes that are always there. */
export interface Target extends System {
  /** A process with the private listener. */
  readonly admin: Part
  readonly ledger: Ledger
  /** Ids of the events that a fault has erased. */
  readonly erased: Set<string>
}

/** Something that goes wrong for a while. */
export interface Fault {
  readonly name: string
  /** Its row in the catalogue of faults. */
  readonly row: number
  /** What it is done to; two faults of one kind are never there at once. */
  readonly kind: "broker" | "projector" | "receiver" | "database" | "work" | "admin"
  /** Whether no other fault happens meanwhile. */
  readonly alone?: boolean
  /** Lets it happen, holds it, and puts all right again. */
  readonly happen: (target: Target, draw: Draw) => Effect.Effect<void>
}

/** Waits for some seconds between two bounds; short ones are likelier. */
export const between = (draw: Draw, least: number, most: number) =>
  Effect.sleep((least + draw() ** 2 * (most - least)) * 1_000)

/** One of several. */
export const oneOf = <A>(draw: Draw, all: ReadonlyArray<A>): ReadonlyArray<A> =>
  all.slice(...[Math.floor(draw() * all.length)].flatMap((at) => [at, at + 1]))
