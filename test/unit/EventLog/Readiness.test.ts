import { assert, describe, it } from "@effect/vitest"
import { AppendFailed, appendTimeout } from "../../../src/EventLog/EventLog.ts"
import { Readiness } from "../../../src/EventLog/Readiness.ts"

const stored = { sequence: 1, duplicate: false }
const timeout = new AppendFailed({
  reason: "timeout",
  message: "the broker did not acknowledge within 3000 ms"
})

/** A readiness whose stream has just stored an append, and its clock. */
const proven = () => {
  const clock = { now: 0 }
  const readiness = new Readiness(() => undefined, () => clock.now)
  readiness.observe(stored)
  return { clock, readiness }
}

describe("the readiness of the event log", () => {
  it("is lost with the first append that times out, and comes back with the next that is stored", () => {
    const { clock, readiness } = proven()
    clock.now += appendTimeout
    readiness.observe(timeout)
    assert.deepStrictEqual(readiness.health, { ready: false, reason: timeout.message })
    readiness.observe(stored)
    assert.deepStrictEqual(readiness.health, { ready: true })
  })

  it("is not lost with a time-out when the stream has stored something since that append was sent", () => {
    const { clock, readiness } = proven()
    clock.now += appendTimeout - 1
    readiness.observe(timeout)
    assert.deepStrictEqual(readiness.health, { ready: true })
  })
})
