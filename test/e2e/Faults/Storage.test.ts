// Runs: long, node first

import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { connect, createInbox, NatsError } from "nats"
import { Buffer } from "node:buffer"
import process from "node:process"
import { stream } from "../../../src/EventLog/Names.ts"
import { makePublisher } from "../../../src/EventLog/Publisher.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { healthOf, Scene, untilReadiness } from "../../support/Faults/Scene.ts"
import { poll, until } from "../../support/Until.ts"

const isLong = process.env["FAULTS_LONG"] === "1"

const client = Effect.flatMap(Scene, ({ system: { broker } }) =>
  Effect.acquireRelease(
    Effect.promise(() => connect({ servers: broker.url, token: broker.token, timeout: 20_000 })),
    (connection) => Effect.promise(() => connection.close())
  ))

const jetStream = Effect.flatMap(client, (connection) =>
  Effect.promise(async () => ({
    log: connection.jetstream(),
    streams: (await connection.jetstreamManager()).streams
  })))

/** Fills the deduplication window with this number of ids, without the receivers. */
const fill = Effect.fnUntraced(function*(count: number) {
  const connection = yield* client
  const nats = {
    connection,
    isConnected: () => true,
    fault: () => undefined,
    onChange: () => Effect.void,
    hasOthers: () => false,
    moveOn: Effect.void,
    newInbox: () => createInbox(),
    serverVersion: () => ""
  }
  const publish = yield* Effect.provideService(makePublisher(stream), Nats, nats)
  yield* Effect.forEach(
    Array.from({ length: count }, (_, index) => `evt_of_the_window_${index}`),
    (id) =>
      publish({
        subject: "3qpr.events.menu.opened",
        headers: [["Nats-Msg-Id", id]],
        body: new Uint8Array()
      }),
    { concurrency: 2_000, discard: true }
  )
})

/** Kills the broker with this number of ids in its window, and starts it again under load. */
const restartWith = (ids: number) =>
  Effect.gen(function*() {
    const { answered, ledger, system, traffic } = yield* Scene
    const [receiver] = system.receivers
    if (receiver === undefined) return assert.fail("no receiver")
    yield* fill(ids)
    let acks = 0
    yield* system.brokerNetwork.overhear((piece, from) => {
      if (from === "server" && piece.includes(`{"stream":"${stream}"`) && piece.includes(`"seq":`)) acks++
    })
    yield* system.broker.signal("SIGKILL")
    yield* untilReadiness(receiver, 503)
    const load = yield* traffic({ rate: 50 })
    yield* answered(10, 503)
    acks = 0
    yield* system.broker.start
    const up = performance.now()
    yield* untilReadiness(receiver, 200)
    assert.isAbove(acks, 0, "ready without a publish that was acknowledged")
    yield* answered(50, 200)
    yield* load.stop
    assert.deepStrictEqual(ledger.since(up).filter(({ took }) => took >= 2_900), [], "publishes timed out")
    const accepted = [...ledger.sent.values()].filter(({ kind }) => kind !== "forged")
    const { streams } = yield* jetStream
    // The probe's entry is deleted after its acknowledgement.
    yield* poll(Effect.promise(() => streams.info(stream)), ({ state }) =>
      state.messages === ids + accepted.length)
  }).pipe(Effect.provide(Scene.layer({ receivers: 1, projectors: 0 })))

describe("a broker that restarts with a full deduplication window", () => {
  const title = "makes a receiver ready by an acknowledged publish, and lets no publish time out:"
  // Row 5.
  it.live(`${title} 100,000 ids`, () => restartWith(100_000))
  it.live.skipIf(!isLong)(`${title} a million ids (FAULTS_LONG=1)`, () => restartWith(1_000_000), 300_000)
})

// Row 8.
layer(Scene.layer({ receivers: 2, projectors: 1, jetstream: { max_file_store: 16 * 1_048_576 } }), {
  excludeTestServices: true
})("when storage is full", (it) => {
  const withoutSpace = Effect.fnUntraced(
    function*(alarm: RegExp, take: Effect.Effect<unknown>, giveBack: Effect.Effect<unknown>) {
      const { answered, ledger, system, traffic, whole } = yield* Scene
      const load = yield* traffic({ rate: 50 })
      yield* answered(50, 200)
      yield* take
      const full = performance.now()
      yield* answered(100, 503)
      for (const receiver of system.receivers) {
        yield* until(
          `not ready, ${alarm}`,
          healthOf(receiver, "/readyz"),
          ({ status, text }) => status === 503 && alarm.test(text)
        )
      }
      yield* giveBack
      for (const receiver of system.receivers) yield* untilReadiness(receiver, 200)
      yield* answered(50, 200)
      yield* load.stop
      assert.deepStrictEqual(ledger.since(full).filter(({ took }) => took >= 4_000), [])
      yield* whole()
    }
  )

  it.effect("answers 503 in time, names the broker's limit, and stores everything when there is space again", () =>
    Effect.gen(function*() {
      const { log, streams } = yield* jetStream
      const filler = { name: "FILLER", subjects: ["filler"] }
      const isRefused = (error: unknown) => {
        if (error instanceof NatsError && error.api_error !== undefined) return true
        throw error
      }
      const take = Effect.promise(async () => {
        await streams.add(filler)
        while (!await log.publish("filler", Buffer.alloc(500_000)).then(() => false, isRefused));
      })
      yield* withoutSpace(/resource/, take, Effect.promise(() => streams.delete(filler.name)))
    }))

  it.effect("answers 503 in time, names the stream's limit, and stores everything when there is space again", () =>
    Effect.gen(function*() {
      const { streams } = yield* jetStream
      const limit = (bytes: number) => Effect.promise(() => streams.update(stream, { max_bytes: bytes }))
      // Far above the size, which grows meanwhile: the broker deletes what is above a new limit.
      const take = Effect.flatMap(
        Effect.promise(() => streams.info(stream)),
        ({ state }) => limit(state.bytes + 400_000)
      )
      yield* withoutSpace(/maximum bytes/, take, limit(-1))
    }))
})
