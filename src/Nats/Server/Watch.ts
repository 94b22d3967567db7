import { Effect, Redacted } from "effect"
import { connect, ErrorCode, NatsError } from "nats"
import { monotonicMillis } from "../../Process/Monotonic.ts"

/** How long the broker may fail to reply before it is restarted, in milliseconds. */
export const longestSilence = 30_000

/**
 * Number of missing replies in a row that are required. After a suspend of the whole machine, only one reply is
 * missing.
 */
const unanswered = 3

export interface Asked {
  readonly url: string
  readonly token: Redacted.Redacted<string>
  /** The stream to request. The JetStream account if undefined. */
  readonly stream?: string | undefined
}

/**
 * Completes when a broker that accepts connections has not replied for `longest` milliseconds. Returns that time. A
 * broker that refuses connections is still reading its store, and is not counted. The stream is requested because
 * nats-server 2.9 can greet clients while its streams hang, such as on a full disk.
 */
export const untilSilent = Effect.fnUntraced(function*(asked: Asked, longest: number) {
  let since: number | undefined
  let missed = 0
  while (true) {
    const began = yield* monotonicMillis
    if (yield* isSilent(asked, longest / 6)) {
      since ??= began
      missed++
      const lasted = (yield* monotonicMillis) - since
      if (missed >= unanswered && lasted >= longest) return lasted
    } else {
      since = undefined
      missed = 0
    }
    yield* Effect.sleep(missed > 0 ? longest / 30 : longest / 6)
  }
})

/**
 * Whether the broker accepts a connection and does not reply in time. An error reply, such as a missing stream, is a
 * reply.
 */
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
        // Not awaited: a close waits until sent data is flushed, which a silent broker never accepts.
        void client.close().catch(() => {})
      }
    } catch (error) {
      return !(error instanceof NatsError && error.code === ErrorCode.ConnectionRefused)
    }
  })
