import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Logger } from "effect"
import process from "node:process"
import { run } from "../../../src/Consumer/Subscribe/Session.ts"
import { lineOf } from "../../../src/Process/Telemetry.ts"

/** The lines that are written to a stream of the console during the work. */
const written = async (stream: "log" | "error", work: () => Promise<unknown>) => {
  const lines: Array<unknown> = []
  const spy = vi.spyOn(console, stream).mockImplementation((line) => void lines.push(line))
  try {
    await work()
  } finally {
    spy.mockRestore()
  }
  return lines
}

describe("the log of a consumer in the user's program", () => {
  it("has the format of serve's log, on standard error", async () => {
    const work = () => run(Effect.logWarning("redrives wait", new Error("no permission")))
    const [line] = await written("error", work)
    if (process.stderr.isTTY) {
      return assert.match(String(line), /^[\d:.]{12} .*WARN.* redrives wait: no permission$/)
    }
    assert.deepInclude(JSON.parse(String(line)), { level: "WARN", message: "redrives wait: no permission" })
    assert.deepStrictEqual(await written("log", work), [])
  })

  it("does not change the user's loggers", async () => {
    const theirs: Array<string> = []
    const logger = Logger.make((options) => void theirs.push(lineOf(options).slice(13)))
    const own = () => Effect.runPromise(Effect.logInfo("mine").pipe(Effect.provide(Logger.layer([logger]))))
    await written("error", () => run(Effect.logInfo("ours")))
    assert.deepStrictEqual(await written("error", own), [])
    assert.deepStrictEqual(theirs, ["INFO  mine"])
  })
})
