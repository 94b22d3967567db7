import { Buffer } from "node:buffer"
import type { Draw } from "../support/Faults/Bodies.ts"
import type { Ledger } from "./Ledger.ts"
import type { Step } from "./Wire.ts"

/** The steps on one connection, and their permitted results. */
export interface Case {
  readonly kind: string
  readonly steps: ReadonlyArray<Step>
  /** The permitted statuses of each request, in order. */
  readonly answers: ReadonlyArray<ReadonlyArray<number>>
  /** Whether the server may close the connection without an answer, or before the last one. */
  readonly mayClose?: boolean
  /** The bodies that 3QPR signed, by request. Only these requests may be answered 200. */
  readonly bodies?: ReadonlyArray<Uint8Array | undefined>
  readonly head?: boolean
  /** Whether the server waits for more of the last request, so that no other request can follow. */
  readonly unfinished?: boolean
  /** The listener to connect to; the public one when undefined. */
  readonly listener?: "private"
}

/**
 * Whether the server must accept another request on the connection. It must after refusing complete requests, if the
 * client stays connected.
 */
export const canContinue = ({ answers, head, mayClose, steps, unfinished }: Case): boolean =>
  mayClose !== true && unfinished !== true && head !== true
  && steps.every((step) => typeof step !== "string")
  && answers.every((statuses) => statuses.every((status) => status >= 400))

/** What cases are made from: the draws of a seed, and the ledger of signed bodies. */
export interface Means {
  readonly draw: Draw
  readonly ledger: Ledger
  readonly maxBodyBytes: number
}

/** A kind of case, with its relative frequency. */
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

/** A random integer from `min` to `max`, both included. */
export const between = (draw: Draw, min: number, max: number) => min + Math.floor(draw() * (max - min + 1))

export const bytesOf = (draw: Draw, length: number) =>
  Buffer.from(Array.from({ length }, () => between(draw, 0, 255)))

/** A random kind. Its probability is proportional to its weight. */
export const drawKind = (draw: Draw, kinds: ReadonlyArray<Kind>): Kind => {
  let left = draw() * kinds.reduce((sum, { weight }) => sum + weight, 0)
  for (const kind of kinds) {
    left -= kind.weight
    if (left < 0) return kind
  }
  return pick(draw, kinds)
}
