// Preloaded into the `serve` under test. Reports long turns of the event loop on standard error.
import { readFileSync } from "node:fs"
import process from "node:process"

const interval = 10

/** The CPU time of this thread in milliseconds, so that other load on the machine does not count. */
const ran = () =>
  Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ", 1)[0]) / 1e6

let last = { at: performance.now(), ran: ran() }
setInterval(() => {
  const now = { at: performance.now(), ran: ran() }
  const blocked = Math.min(now.at - last.at - interval, now.ran - last.ran)
  if (blocked >= 20) process.stderr.write(`event loop blocked for ${blocked.toFixed(0)} ms\n`)
  last = now
}, interval).unref()
