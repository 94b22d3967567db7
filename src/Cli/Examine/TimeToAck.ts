import { Clock, Duration, Effect } from "effect"
import { randomUUID } from "node:crypto"
import { appendTimeout } from "../../EventLog/EventLog.ts"
import { probeSubject, stream } from "../../EventLog/Names.ts"
import { messageOf } from "../../Process/Failure.ts"
import { failed, type Finding, ok, warning } from "./Finding.ts"
import type { Log } from "./Subject.ts"

/** Measures the time to ack of the broker by publishes, which are deleted again. */
export const timeToAck = Effect.fnUntraced(
  function*({ manager, nats }: Log) {
    const jetstream = nats.connection.jetstream({ timeout: 3_500 })
    const publish = Effect.fnUntraced(function*(id: string) {
      const [took, ack] = yield* Effect.timed(
        Effect.tryPromise(() => jetstream.publish(probeSubject, new Uint8Array(), { msgID: id }))
      )
      return { ack, millis: Duration.toMillis(took) }
    })
    const remove = (from: string, sequence: number) =>
      Effect.ignore(Effect.tryPromise(() => manager.streams.deleteMessage(from, sequence, false)))
    const probe = Effect.suspend(() =>
      Effect.acquireUseRelease(
        Effect.interruptible(publish(`doctor:${randomUUID()}`)),
        Effect.succeed,
        ({ ack }) => remove(ack.stream, ack.seq)
      )
    )
    const ends = (yield* Clock.currentTimeMillis) + budget
    const taken: Array<number> = []
    while (taken.length < probes && (yield* Clock.currentTimeMillis) < ends) {
      const { ack, millis } = yield* probe
      if (ack.stream !== stream) {
        return failed(
          `the stream ${ack.stream} stores ${probeSubject}, not ${stream}`,
          `Remove the subjects 3qpr.> from ${ack.stream}.`
        )
      }
      taken.push(millis)
    }
    return judge(median(taken), taken.length)
  },
  Effect.catch((error) =>
    Effect.succeed(failed(
      `a probe was not stored: ${messageOf(error)}`,
      "Check for a full disk or stream, a cluster without a leader, or an overloaded broker. A probe that was "
        + `stored nevertheless remains under ${probeSubject} and does no harm.`
    ))
  )
)

const probes = 5

/** No further probe starts after this time, in milliseconds. */
const budget = 1_000

/** 3QPR waits 5 seconds. A warning starts at half a second, and a failure at 3 seconds, which is `appendTimeout`. */
export const judge = (millis: number, count: number): Finding => {
  const seen = `${millis.toFixed(millis < 10 ? 1 : 0)} ms (median of ${count} probes, deleted again)`
  const remedy =
    "3QPR waits 5 seconds for an answer. Check the broker's disk and load, and the network to it."
  return millis > appendTimeout ? failed(seen, remedy) : millis > 500 ? warning(seen, remedy) : ok(seen)
}

const median = (values: ReadonlyArray<number>) =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Infinity
