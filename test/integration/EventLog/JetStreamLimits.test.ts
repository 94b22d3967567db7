// Runs: broker

import { assert, describe } from "@effect/vitest"
import { Context, Deferred, Effect, Layer, Redacted } from "effect"
import { Consumers } from "../../../src/Consumer/Consumer.ts"
import { ack } from "../../../src/Consumer/Outcome.ts"
import { DeadLetters } from "../../../src/EventLog/DeadLetters.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import { limitsOf } from "../../../src/EventLog/External.ts"
import * as JetStream from "../../../src/EventLog/JetStream.ts"
import { deadLetterStream, stream } from "../../../src/EventLog/Names.ts"
import { Nats, type Target } from "../../../src/Nats/Nats.ts"
import { entryOf } from "../../contract/EventLog.ts"
import { test } from "../../support/Live.ts"
import { topology } from "../../support/Log.ts"
import * as NatsProcess from "../../support/NatsProcess.ts"

/** Starts a broker whose only account has these JetStream limits. */
const limited = (jetstream: object | string) =>
  Effect.map(
    NatsProcess.start({}, {
      authorization: undefined,
      accounts: { A: { jetstream, users: [{ user: "me", password: "secret" }] } }
    }),
    ({ url }): Target => ({ servers: [url], user: "me", password: Redacted.make("secret") })
  )

const log = (target: Target) => JetStream.layer(topology).pipe(Layer.provideMerge(Nats.layer(target)))

const refusal = (target: Target) =>
  Effect.map(Effect.flip(Layer.build(log(target))), ({ message }) => message)

/** Runs a durable consumer until it exists, and returns its limit of unacknowledged events. */
const pendingOf = (target: Target) =>
  Effect.gen(function*() {
    const nats = yield* Nats
    const started = yield* Deferred.make<void>()
    const consumer = (yield* Consumers).run({
      durable: "of-the-tests",
      filter: "3qpr.events.>",
      maxBatch: 500,
      started: Effect.asVoid(Deferred.succeed(started, undefined)),
      pause: Effect.void,
      handle: (batch) => Effect.succeed(batch.map(() => ack))
    })
    yield* Effect.raceFirst(consumer, Deferred.await(started))
    const manager = yield* Effect.promise(() => nats.connection.jetstreamManager())
    const { config } = yield* Effect.promise(() => manager.consumers.info(stream, "of-the-tests"))
    return config.max_ack_pending
  }).pipe(
    Effect.provide(
      Consumers.layer.pipe(Layer.provideMerge(DeadLetters.layer), Layer.provideMerge(log(target)))
    )
  )

describe("an account", () => {
  test(
    "that requires a size for each stream is given STREAM_MAX_BYTES, and the error without it names the setting",
    Effect.gen(function*() {
      const target = yield* limited({ max_bytes_required: true })
      assert.match(yield* refusal(target), /3QPR_EVENTS.*max bytes set\. Set STREAM_MAX_BYTES/)
      const context = yield* Layer.build(log({ ...target, limits: limitsOf({ streamMaxBytes: 50_000_000 }) }))
      const { sequence } = yield* Context.get(context, EventLog).append(entryOf("evt_1"))
      assert.isAbove(sequence, 0)
      const manager = yield* Effect.promise(() => Context.get(context, Nats).connection.jetstreamManager())
      const sizes = yield* Effect.promise(async () =>
        (await manager.streams.list().next()).map(({ config }) => [config.name, config.max_bytes] as const)
      )
      assert.includeDeepMembers(sizes, [[stream, 50_000_000], [deadLetterStream, 5_000_000]])
    })
  )

  test(
    "that limits unacknowledged events is given MAX_ACK_PENDING, and the error without it names the setting",
    Effect.gen(function*() {
      const target = yield* limited({ max_ack_pending: 100 })
      const { message } = yield* Effect.flip(pendingOf(target))
      assert.match(message, /exceeds system limit of 100\. Set MAX_ACK_PENDING to that limit or less/)
      assert.strictEqual(yield* pendingOf({ ...target, limits: { maxAckPending: 100 } }), 100)
    })
  )

  test(
    "with too few streams or no JetStream is refused with a remedy, and so is a broker without JetStream",
    Effect.gen(function*() {
      assert.match(
        yield* refusal(yield* limited({ max_streams: 1 })),
        /Raise max_streams of the account: four/
      )
      assert.match(
        yield* refusal(yield* limited("disabled")),
        /this NATS account has no JetStream. Enable it/
      )
      const { token, url } = yield* NatsProcess.start({}, { jetstream: undefined })
      const told = yield* refusal({ servers: [url], token: Redacted.make(token) })
      assert.match(told, /the broker runs without JetStream. Start nats-server with -js/)
    })
  )
})
