import { Buffer } from "node:buffer"
import { poison } from "../Poison.ts"
import type { Kind, Ledger, Sent } from "./Ledger.ts"

/** A random number from 0 (inclusive) to 1 (exclusive). */
export type Draw = () => number

/** A generator that returns the same numbers for the same seed (mulberry32). */
export const drawsOf = (seed: number): Draw => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Generates bodies: mostly events of all types about new and known ids, and some bodies that are not usable events.
 */
export class Bodies {
  readonly #draw: Draw
  readonly #run: string
  #count = 0
  #scans = 0

  constructor(draw: Draw, run: string) {
    this.#draw = draw
    this.#run = run
  }

  next(ledger: Ledger): Sent {
    const id = `evt_${this.#run}_${++this.#count}`
    const which = this.#draw()
    if (which < 0.58) return this.#event(ledger, id, "scan.created", this.#scan(`scan_${++this.#scans}`))
    if (which < 0.64) return this.#event(ledger, id, "scan.created", this.#scan(this.#older()))
    if (which < 0.78) return this.#event(ledger, id, "conversation.completed", this.#conversation())
    if (which < 0.83) return this.#event(ledger, id, "qpr_code.created", this.#code())
    if (which < 0.91) return this.#subscription(ledger, id)
    if (which < 0.94) return this.#event(ledger, id, "menu.opened", { id: "menu" })
    if (which < 0.96) return ledger.add("quarantined", "", Buffer.from(`not JSON ${id}`), undefined)
    if (which < 0.97) return this.#event(ledger, id, "scan.created", poisoned(this.#older()), "poison")
    return this.#event(ledger, id, "scan.created", this.#scan(`scan_forged_${id}`), "forged")
  }

  #event(ledger: Ledger, id: string, event: string, data: object, kind: Kind = "event") {
    return ledger.add(kind, event, Buffer.from(JSON.stringify({ id, event, data })), id)
  }

  #pick<A>(of: ReadonlyArray<A>): A | undefined {
    return of[Math.floor(this.#draw() * of.length)]
  }

  #time() {
    return new Date(1_774_000_000_000 + Math.floor(this.#draw() * 172_800_000)).toISOString()
  }

  #older() {
    return `scan_${1 + Math.floor(this.#draw() * Math.max(1, this.#scans))}`
  }

  #scan(id: string) {
    return {
      id: `${id}_${this.#run}`,
      qpr_code_id: `qpr_${Math.floor(this.#draw() * 20)}`,
      scanned_at: this.#time(),
      country: this.#pick(["CH", "DE", "US", "JP"]),
      device: this.#pick(["mobile", "tablet"]),
      conversation_messages: Math.floor(this.#draw() * 9)
    }
  }

  #conversation() {
    return { id: `conv_${this.#run}_${this.#count}`, completed_at: this.#time(), message_count: 4 }
  }

  #code() {
    const at = this.#time()
    return {
      id: `qpr_${Math.floor(this.#draw() * 20)}`,
      name: `name ${this.#count}`,
      created_at: at,
      updated_at: at
    }
  }

  #subscription(ledger: Ledger, id: string) {
    const type = this.#draw() < 0.7 ? "subscription.upgraded" : "subscription.cancelled"
    const data = {
      id: `sub_${Math.floor(this.#draw() * 20)}`,
      plan: `plan ${this.#count}`,
      updated_at: this.#time()
    }
    return this.#event(ledger, id, type, data)
  }
}

// The database refuses this city after `refusePoison`.
const poisoned = (id: string) => ({ id, city: poison })
