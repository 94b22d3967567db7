// Preloaded into the `serve` that is fuzzed: tells on standard error when one turn of the event loop took long.
import { readFileSync } from "node:fs"
import process from "node:process"

const interval = 10

/** The time that this thread really ran, in milliseconds: others on the machine do not count. */
const ran = () =>
  Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ", 1)[0]) / 1e6

let last = { at: performance.now(), ran: ran() }
setInterval(() => {
  const now = { at: performance.now(), ran: ran() }
  const blocked = Math.min(now.at - last.at - interval, now.ran - last.ran)
  if (blocked >= 20) process.stderr.write(`event loop blocked for ${blocked.toFixed(0)} ms\n`)
  last = now
}, interval).unref()
