import { Effect, Redacted } from "effect"
import { connect, NatsError } from "nats"
import { stream } from "../../EventLog.ts"

/** How long the broker may answer nothing before it is started again, in milliseconds. */
export const longestSilence = 30_000

/** Answers that may be missing in a row: a machine that stood still itself has asked only once. */
const unanswered = 3

export interface Asked {
  readonly url: string
  readonly token: Redacted.Redacted<string>
}

/**
 * Completes when a broker that has answered before answers nothing for `longest` milliseconds; gives the time without an
 * answer. A broker that reads a large store at its start has not answered yet and is left alone. Asks for the stream:
 * nats-server 2.9 can answer at its port while its streams hang, such as on a full disk.
 */
export const untilSilent = Effect.fnUntraced(function*(asked: Asked, longest: number) {
  let answered: number | undefined
  let missed = 0
  while (true) {
    if (yield* answers(asked, longest / 6)) {
      answered = performance.now()
      missed = 0
    } else if (answered !== undefined) {
      missed++
      const lasted = performance.now() - answered
      if (missed >= unanswered && lasted >= longest) return lasted
    }
    yield* Effect.sleep(missed > 0 ? longest / 30 : longest / 6)
  }
})

/** Whether the broker answers within a time, in milliseconds: that there is no such stream is an answer too. */
const answers = ({ token, url }: Asked, timeout: number) =>
  Effect.promise(async () => {
    try {
      const client = await connect({ servers: url, token: Redacted.value(token), reconnect: false, timeout })
      try {
        const manager = await client.jetstreamManager({ checkAPI: false, timeout })
        await manager.streams.info(stream)
        return true
      } catch (error) {
        return error instanceof NatsError && error.api_error !== undefined
      } finally {
        // Not awaited: a close waits for what was sent, which a silent broker does not take.
        void client.close().catch(() => {})
      }
    } catch {
      return false
    }
  })
