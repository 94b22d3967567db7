import { Buffer } from "node:buffer"
import type { Draw } from "../support/Faults/Bodies.ts"
import type { Ledger } from "./Ledger.ts"
import type { Step } from "./Wire.ts"

/** One connection's worth of trouble, and what may come of it. */
export interface Case {
  readonly kind: string
  readonly steps: ReadonlyArray<Step>
  /** For each request in order the statuses that are right. */
  readonly answers: ReadonlyArray<ReadonlyArray<number>>
  /** The server may close without an answer, or before the last one. */
  readonly mayClose?: boolean
  /** What 3QPR signed, by request; only such a one may be answered 200. */
  readonly bodies?: ReadonlyArray<Uint8Array | undefined>
  readonly head?: boolean
  /** The server waits for more of the last request, so no other can follow. */
  readonly unfinished?: boolean
  /** Where it goes; the public listener when undefined. */
  readonly listener?: "private"
}

/** Whether the server must take another request on the connection: it refuses whole requests, and the client stays. */
export const canContinue = ({ answers, head, mayClose, steps, unfinished }: Case): boolean =>
  mayClose !== true && unfinished !== true && head !== true
  && steps.every((step) => typeof step !== "string")
  && answers.every((statuses) => statuses.every((status) => status >= 400))

/** What makes cases: the draws of a seed, and the ledger of what was really signed. */
export interface Means {
  readonly draw: Draw
  readonly ledger: Ledger
  readonly maxBodyBytes: number
}

/** A kind of case: how often it comes, relative to the others, and one of it. */
export interface Kind {
  readonly kind: string
  readonly weight: number
  readonly make: (means: Means) => Omit<Case, "kind">
}

export const pick = <A>(draw: Draw, of: ReadonlyArray<A>): A => {
  const one = of[Math.floor(draw() * of.length)]
  if (one === undefined) throw new Error("nothing to choose from")
  return one
}

/** A whole number from `min` to `max`. */
export const between = (draw: Draw, min: number, max: number) => min + Math.floor(draw() * (max - min + 1))

export const bytesOf = (draw: Draw, length: number) =>
  Buffer.from(Array.from({ length }, () => between(draw, 0, 255)))

/** A kind, as often as its weight says. */
export const drawKind = (draw: Draw, kinds: ReadonlyArray<Kind>): Kind => {
  let left = draw() * kinds.reduce((sum, { weight }) => sum + weight, 0)
  for (const kind of kinds) {
    left -= kind.weight
    if (left < 0) return kind
  }
  return pick(draw, kinds)
}
