import { assert, describe, it } from "@effect/vitest"
import { AppendFailed, appendTimeout } from "../../../src/EventLog/EventLog.ts"
import { Readiness } from "../../../src/EventLog/Readiness.ts"

const stored = { sequence: 1, duplicate: false }
const timeout = new AppendFailed({
  reason: "timeout",
  message: "the broker did not acknowledge within 3000 ms"
})

/** The readiness after a stored append, and its clock. */
const proven = () => {
  const clock = { now: 0 }
  const readiness = new Readiness(() => undefined, () => clock.now)
  readiness.observe(stored)
  return { clock, readiness }
}

describe("the readiness of the event log", () => {
  it("ends with the first append that times out, and returns with the next stored append", () => {
    const { clock, readiness } = proven()
    clock.now += appendTimeout
    readiness.observe(timeout)
    assert.deepStrictEqual(readiness.health, { ready: false, reason: timeout.message })
    readiness.observe(stored)
    assert.deepStrictEqual(readiness.health, { ready: true })
  })

  it("does not end with a timeout if the stream stored another append since that one was sent", () => {
    const { clock, readiness } = proven()
    clock.now += appendTimeout - 1
    readiness.observe(timeout)
    assert.deepStrictEqual(readiness.health, { ready: true })
  })
})
