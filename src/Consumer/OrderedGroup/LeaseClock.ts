/** Maximum difference between the clocks that counts as an adjustment and not as a suspension, in milliseconds. */
const tolerance = 250

/**
 * The clock of leases, in milliseconds. It never goes back. The monotonic clock of Linux stops while a
 * machine is suspended, and the wall clock does not. So a jump of the wall clock counts as time that has passed.
 */
export class LeaseClock {
  readonly #monotonic: () => number
  readonly #wall: () => number
  #offset: number
  #suspended = 0

  constructor(monotonic = () => performance.now(), wall = () => Date.now()) {
    this.#monotonic = monotonic
    this.#wall = wall
    this.#offset = wall() - monotonic()
  }

  readonly now = (): number => {
    const monotonic = this.#monotonic()
    const jump = this.#wall() - monotonic - this.#offset
    if (jump > tolerance) this.#suspended += jump
    if (jump > tolerance || jump < 0) this.#offset += jump
    return monotonic + this.#suspended
  }
}
