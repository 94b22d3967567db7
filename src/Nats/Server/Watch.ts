import { Effect, Redacted } from "effect"
import { connect, ErrorCode, NatsError } from "nats"

/** How long the broker may answer nothing before it is started again, in milliseconds. */
export const longestSilence = 30_000

/** Answers that may be missing in a row: a machine that stood still itself has asked only once. */
const unanswered = 3

export interface Asked {
  readonly url: string
  readonly token: Redacted.Redacted<string>
  /** The stream that the broker is asked for; the account of JetStream when undefined. */
  readonly stream?: string | undefined
}

/**
 * Completes when a broker that takes connections answers nothing for `longest` milliseconds; gives that time. A broker
 * that refuses connections still reads its store: it takes none before. Asks for the stream: nats-server 2.9 can greet
 * its clients while its streams hang, such as on a full disk.
 */
export const untilSilent = Effect.fnUntraced(function*(asked: Asked, longest: number) {
  let since: number | undefined
  let missed = 0
  while (true) {
    const began = performance.now()
    if (yield* isSilent(asked, longest / 6)) {
      since ??= began
      missed++
      const lasted = performance.now() - since
      if (missed >= unanswered && lasted >= longest) return lasted
    } else {
      since = undefined
      missed = 0
    }
    yield* Effect.sleep(missed > 0 ? longest / 30 : longest / 6)
  }
})

/** Whether the broker takes a connection and does not answer within a time. That there is no such stream is an answer. */
const isSilent = ({ stream, token, url }: Asked, timeout: number) =>
  Effect.promise(async () => {
    try {
      const client = await connect({ servers: url, token: Redacted.value(token), reconnect: false, timeout })
      try {
        const manager = await client.jetstreamManager({ checkAPI: false, timeout })
        await (stream === undefined ? manager.getAccountInfo() : manager.streams.info(stream))
        return false
      } catch (error) {
        return !(error instanceof NatsError && error.api_error !== undefined)
      } finally {
        // Not awaited: a close waits for what was sent, which a silent broker does not take.
        void client.close().catch(() => {})
      }
    } catch (error) {
      return !(error instanceof NatsError && error.code === ErrorCode.ConnectionRefused)
    }
  })
