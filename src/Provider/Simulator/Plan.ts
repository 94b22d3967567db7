import { Effect, Random } from "effect"
import { Buffer } from "node:buffer"
import type { Undecodable } from "../../Domain/Decode.ts"
import type { CodeRecord, ScanRecord } from "./Account.ts"
import { contentOf, scanCreated } from "./Content.ts"
import { chance, ulids } from "./Draws.ts"
import { type FaultName, faults } from "./Faults.ts"
import { forgeries, type Forgery } from "./Forgeries.ts"
import { blockSize, layOut, type Slot } from "./Layout.ts"
import { scanOf } from "./World.ts"

export interface PlanOptions {
  readonly seed: string
  /** The run's start, in milliseconds since 1970. */
  readonly started: number
  /** Events per second. */
  readonly rate: number
  readonly faults: ReadonlySet<FaultName>
}

/** One event of a run: its exact bytes, its expected outcome, and the faults of its delivery. */
export interface Planned {
  readonly index: number
  /** The id of the event; null when the body has no usable one. */
  readonly id: string | null
  readonly type: string
  readonly data: object
  readonly bytes: Uint8Array
  /** Why the receiver must quarantine it; null when it is an event. */
  readonly quarantined: Undecodable | null
  /** All faults that affect it. */
  readonly faults: ReadonlyArray<FaultName>
  /** When to deliver it, in milliseconds after the run's start. */
  readonly due: number
  /** Milliseconds between the two parts of its body; 0 sends it in one piece. */
  readonly pause: number
  /** Whether the connection of its first attempt is cut before the response. */
  readonly answerLost: boolean
  /** How often it is delivered again after it was accepted. */
  readonly repeats: number
  readonly forgeries: ReadonlyArray<Forgery>
  /** The scan of the event, for the simulated API. */
  readonly scan: ScanRecord | null
  /** The code of the event, for the simulated list of codes. */
  readonly code: CodeRecord | null
}

/** Generates any event of a run from the options and its index only. The order of the calls has no effect. */
export type Plan = (index: number) => Effect.Effect<Planned>

/** Creates the plan of a run. The same options with another start give the same events with other ids and times. */
export const make = (options: PlanOptions): Plan => {
  const idOf = ulids(options.started)
  const seeded = (...parts: ReadonlyArray<string | number>) =>
    Random.withSeed([options.seed, ...parts].join("/"))
  const happens = (fault: FaultName) =>
    options.faults.has(fault) ? chance(faults[fault].share) : Effect.succeed(false)
  const slotOf = slots(options, seeded)
  const timeOf = Effect.fnUntraced(function*(index: number) {
    const { at, burst } = yield* drawTime(options, index).pipe(
      seeded("bursts", Math.floor(index / burstWindow))
    )
    return { at, burst, now: options.started + Math.round(at) }
  })
  const scanAt = (index: number, started: boolean) =>
    Effect.flatMap(timeOf(index), ({ now }) => scanOf({ idOf, now, started })).pipe(seeded("event", index))

  return Effect.fnUntraced(function*(index) {
    const slot = yield* slotOf(index)
    const { at, burst, now } = yield* timeOf(index)
    const eventId = yield* idOf("evt").pipe(seeded("id", index))
    const content = yield* slot.kind === "scan"
      ? Effect.map(scanAt(index, slot.started), scanCreated)
      : contentOf(slot, { idOf, now, scanAt: (scan) => scanAt(scan, true) }).pipe(seeded("content", index))
    const { code = null, data, quarantined = null, scan = null, type } = content
    const bytes = content.bytes ?? Buffer.from(JSON.stringify({ id: eventId, event: type, data }))
    const id = content.id === undefined ? eventId : content.id
    const { held, ...delivery } = yield* drawDelivery(
      happens,
      options.rate,
      forgeries(idOf, { bytes, happens, now })
    ).pipe(seeded("faults", index))
    const affecting = Object.entries({
      duplicates: delivery.repeats > 0,
      reordering: held > 0,
      delays: delivery.pause > 0,
      "lost-answers": delivery.answerLost,
      bursts: burst,
      "unknown-types": slot.kind === "unknown",
      malformed: slot.kind === "malformed"
    }).filter((fault): fault is [FaultName, true] => fault[1]).map(([name]): FaultName => name)
      .concat(delivery.forgeries.map(({ fault }) => fault))
    const due = at + held
    return { index, id, type, data, bytes, quarantined, faults: affecting, due, scan, code, ...delivery }
  })
}

/** The slot of an event. Keeps the block of the last one, because a run generates its events in order. */
const slots = ({ faults }: PlanOptions, seeded: Seeded) => {
  let last: { readonly block: number; readonly slots: ReadonlyArray<Slot> } | undefined
  return Effect.fnUntraced(function*(index: number) {
    const block = Math.floor(index / blockSize)
    if (last?.block !== block) {
      last = { block, slots: yield* layOut(block, faults).pipe(seeded("layout", block)) }
    }
    return last.slots[index % blockSize] ?? { kind: "scan" as const, started: false }
  })
}

/** Seeds the draws of an effect with the seed of the run and these parts. */
type Seeded = (
  ...parts: ReadonlyArray<string | number>
) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** There is one burst in this many events. */
const burstWindow = 500

/** The time of an event, in milliseconds after the run's start. All events of a burst have the same time. */
const drawTime = Effect.fnUntraced(function*({ faults, rate }: PlanOptions, index: number) {
  const window = Math.floor(index / burstWindow)
  const first = window * burstWindow + (yield* Random.nextIntBetween(0, burstWindow - 200))
  const length = yield* Random.nextIntBetween(50, 200)
  const burst = faults.has("bursts") && index >= first && index < first + length
  return { burst, at: (burst ? first : index) * 1_000 / rate }
})

/** Draws the faults of a delivery. Unused numbers are drawn too, so that no outcome changes the draws after it. */
const drawDelivery = Effect.fnUntraced(function*(
  happens: (fault: FaultName) => Effect.Effect<boolean>,
  rate: number,
  forge: Effect.Effect<ReadonlyArray<Forgery>>
) {
  const heldBack = yield* happens("reordering")
  const delayed = yield* happens("delays")
  const answerLost = yield* happens("lost-answers")
  const repeated = yield* happens("duplicates")
  const later = yield* Random.nextIntBetween(3, 20)
  const pause = yield* Random.nextIntBetween(50, 500)
  const repeats = yield* Random.nextIntBetween(1, 3)
  return {
    /** Milliseconds by which it is delivered later than its place in the run. */
    held: heldBack ? Math.max(50, later * 1_000 / rate) : 0,
    pause: delayed ? pause : 0,
    answerLost,
    repeats: repeated ? repeats : 0,
    forgeries: yield* forge
  }
})
