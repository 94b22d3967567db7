import { Effect, Random } from "effect"
import { chance } from "./Draws.ts"
import { type FaultName, faults } from "./Faults.ts"
import { codes, conversationRate } from "./World.ts"

/** The kind of the event at an index. */
export type Slot =
  | { readonly kind: "code"; readonly code: number }
  | { readonly kind: "scan"; readonly started: boolean }
  /** `scan` is the index of the scan that led to it. */
  | { readonly kind: "conversation"; readonly scan: number }
  | { readonly kind: "subscription"; readonly status: "active" | "cancelled" }
  | { readonly kind: "unknown" }
  | { readonly kind: "malformed" }

/** Number of events per block. */
export const blockSize = 250

/**
 * Decides the kinds of the events of a block, from its own random numbers only. Each conversation ends later in the
 * same block as the scan that started it. The first events of a run create the codes.
 */
export const layOut = Effect.fnUntraced(function*(block: number, chosen: ReadonlySet<FaultName>) {
  const slots: Array<Slot> = []
  const open: Array<number> = []
  for (let at = 0; at < blockSize; at++) {
    const index = block * blockSize + at
    const left = blockSize - at
    if (index < codes.length) slots.push({ kind: "code", code: index })
    else if (left <= open.length) slots.push(yield* closeOne(open))
    else if (yield* happens("malformed", chosen)) slots.push({ kind: "malformed" })
    else if (yield* happens("unknown-types", chosen)) slots.push({ kind: "unknown" })
    else if (yield* chance(subscriptionShare)) {
      slots.push({ kind: "subscription", status: (yield* chance(0.7)) ? "active" : "cancelled" })
    } else if (open.length > 0 && (yield* chance(conversationShare))) slots.push(yield* closeOne(open))
    else {
      const started = open.length + 2 <= left && (yield* chance(conversationRate))
      if (started) open.push(index)
      slots.push({ kind: "scan", started })
    }
  }
  return slots
})

const subscriptionShare = 0.004

// Slightly more conversations end than start, so that few are open when the block ends.
const conversationShare = 0.46

const closeOne = Effect.fnUntraced(function*(open: Array<number>) {
  const [scan = 0] = open.splice(yield* Random.nextIntBetween(0, open.length - 1), 1)
  return { kind: "conversation", scan } satisfies Slot
})

const happens = (fault: FaultName, chosen: ReadonlySet<FaultName>) =>
  chosen.has(fault) ? chance(faults[fault].share) : Effect.succeed(false)
