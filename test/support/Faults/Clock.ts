/**
 * Preloaded into a process under test. Moves its wall clock by the number of milliseconds in the file that
 * `CLOCK_FILE` names. Monotonic clocks and timers are unaffected, as on a machine whose clock is set.
 */
import { readFileSync } from "node:fs"
import process from "node:process"
import { setInterval } from "node:timers"

const file = process.env["CLOCK_FILE"] ?? ""
const real = Date.now
let offset = 0

const read = () => {
  try {
    // Whole, because `Date.now()` is. Effect converts it to a bigint, which fails for a fraction.
    offset = Math.round(Number(readFileSync(file, "utf8"))) || 0
  } catch {
    // The file does not exist until the clock is moved.
  }
}
read()
setInterval(read, 100).unref()

const now = () => real() + offset

globalThis.Date = new Proxy(Date, {
  construct: (target, given, newTarget) =>
    Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
  get: (target, key) => key === "now" ? now : Reflect.get(target, key)
})
