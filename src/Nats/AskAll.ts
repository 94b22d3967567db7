import { Effect } from "effect"
import { ErrorCode, NatsError, RequestStrategy } from "nats"
import { Buffer } from "node:buffer"
import { Nats } from "./Nats.ts"

/** Maximum time to wait for all replies, and maximum time between two replies, in milliseconds. */
const patience = { maxWait: 2_000, jitter: 100 }

/** Answers requests of other processes on a subject, until the scope ends. Undefined is no answer. */
export const answerAll = Effect.fnUntraced(
  function*(subject: string, answer: (question: string) => object | undefined | void) {
    const { connection } = yield* Nats
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        connection.subscribe(subject, {
          callback: (_, msg) => {
            const answered = answer(Buffer.from(msg.data).toString())
            if (answered !== undefined) msg.respond(JSON.stringify(answered))
          }
        })
      ),
      (subscription) => Effect.sync(() => connection.isClosed() || subscription.unsubscribe())
    )
  }
)

/** Sends a request to every process that listens on a subject. Processes that do not reply in time are left out. */
export const askAll = Effect.fnUntraced(function*(subject: string, question: string) {
  const { connection } = yield* Nats
  return yield* Effect.tryPromise(async () => {
    const answers: Array<string> = []
    const options = { strategy: RequestStrategy.JitterTimer, ...patience }
    for await (const msg of await connection.requestMany(subject, question, options)) {
      if (msg.data.length > 0) answers.push(Buffer.from(msg.data).toString())
    }
    return answers
  }).pipe(
    Effect.catchIf(
      ({ cause }) => cause instanceof NatsError && cause.code === ErrorCode.NoResponders,
      () => Effect.succeed([])
    )
  )
})
