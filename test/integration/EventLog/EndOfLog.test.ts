// Runs: broker

import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer, Option, Stream } from "effect"
import { DeadLetters } from "../../../src/EventLog/DeadLetters.ts"
import { logEntries } from "../../../src/EventLog/Entries.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import * as JetStream from "../../../src/EventLog/JetStream.ts"
import { deadLetterStream, eventSubject, quarantineSubject, stream } from "../../../src/EventLog/Names.ts"
import { newest } from "../../../src/EventLog/Newest.ts"
import { all as allQuarantined } from "../../../src/EventLog/Quarantine.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { NatsServer } from "../../../src/Nats/Server.ts"
import { entryOf } from "../../contract/EventLog.ts"
import * as Broker from "../../support/Broker.ts"
import { lettersOf } from "../../support/Letters.ts"
import { topology } from "../../support/Log.ts"
import { type LostDeliveries, lostDeliveries } from "../../support/LostDeliveries.ts"
import * as Proxy from "../../support/Proxy.ts"
import { delivered } from "../../support/Specification.ts"

/** The losses that the network causes for each stream. */
class Losing
  extends Context.Service<Losing, { readonly log: LostDeliveries; readonly letters: LostDeliveries }>()(
    "Losing"
  )
{}

const losing = Layer.effect(
  Losing,
  Effect.sync(() => ({ log: lostDeliveries(stream), letters: lostDeliveries(deadLetterStream) }))
)

/** The log and the dead letters behind a network that loses only the responses to some pulls. */
const behindLosses = Layer.unwrap(Effect.gen(function*() {
  const { token, url } = yield* NatsServer
  const { letters, log } = yield* Losing
  const proxy = yield* Proxy.before(Number(new URL(url).port))
  yield* proxy.change((said) => letters.change(log.change(said)))
  for (const { listen } of [log, letters]) yield* proxy.overhear(listen)
  return DeadLetters.layer.pipe(
    Layer.provideMerge(JetStream.layer(topology)),
    Layer.provideMerge(Nats.layer({ servers: [`nats://127.0.0.1:${proxy.port}`], token }))
  )
})).pipe(Layer.provideMerge(losing), Layer.provideMerge(Broker.layer))

layer(behindLosses, { excludeTestServices: true })("a pull whose response is lost", (it) => {
  const append = (id: string, subject = eventSubject("scan.created")) =>
    Effect.flatMap(EventLog, (log) => log.append(entryOf(id, { subject })))
  const fill = Effect.fnUntraced(function*(prefix: string, count: number, subject?: string) {
    const ids = Array.from({ length: count }, (_, index) => `${prefix}_${index}`)
    const { lastSequence } = yield* Effect.flatMap(EventLog, (log) => log.state)
    yield* Effect.forEach(ids, (id) => append(id, subject))
    return { ids, after: lastSequence }
  })
  const idsOf = (entries: ReadonlyArray<{ readonly headers: Readonly<Record<string, string>> }>) =>
    entries.map(({ headers }) => headers["ce-id"])

  it.effect("is not taken for the end of the log", () =>
    Effect.gen(function*() {
      const { log: losing } = yield* Losing
      const { after, ids } = yield* fill("evt_end", 5)
      losing.pulls = 2
      assert.deepStrictEqual(idsOf(yield* Stream.runCollect(logEntries({ after }))), ids)
      assert.strictEqual(losing.pulls, 0)
    }))

  it.effect("does not move a cursor over entries of the filter", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      const { log: losing } = yield* Losing
      const filter = eventSubject("code.seen")
      const { after } = yield* fill("evt_other", 2)
      const seen = yield* append("evt_seen", filter)
      yield* append("evt_behind")
      losing.pulls = 1
      const page = yield* log.read({ after, filter, limit: 10 })
      assert.deepStrictEqual([idsOf(page.entries), page.cursor, page.end], [
        ["evt_seen"],
        seen.sequence,
        false
      ])
      const end = yield* log.read({ after: page.cursor, filter, limit: 10, wait: 20 })
      assert.deepStrictEqual(end, { entries: [], cursor: seen.sequence, end: true })
    }))

  it.effect("omits no entry from the newest ones", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      const { log: losing } = yield* Losing
      const { after, ids } = yield* fill("evt_new", 4)
      const before = (yield* log.state).lastSequence + 1
      losing.pulls = 1
      const page = yield* newest(log, { from: after + 1, before, limit: 3, filter: undefined })
      assert.deepStrictEqual(idsOf(page.entries), ids.slice(1).toReversed())
      assert.isTrue(page.more)
    }))

  it.effect("omits no entry from the quarantine", () =>
    Effect.gen(function*() {
      const { log: losing } = yield* Losing
      const { ids } = yield* fill("evt_bad", 3, quarantineSubject("invalid_data"))
      losing.pulls = 1
      assert.deepStrictEqual(idsOf(yield* Stream.runCollect(allQuarantined())), ids)
    }))

  it.effect("does not duplicate a dead letter, and keeps the time of its first failure", () =>
    Effect.gen(function*() {
      const letters = yield* DeadLetters
      const { letters: losing } = yield* Losing
      const { event } = delivered(7, "evt_dead", "scan.created", {})
      yield* letters.put("scans-1", event, "first")
      const first = Option.getOrThrow(yield* letters.find("scans-1:7"))
      losing.pulls = 1
      yield* letters.put("scans-1", event, "second")
      assert.strictEqual(yield* letters.count, 1)
      const second = Option.getOrThrow(yield* letters.find("scans-1:7"))
      assert.strictEqual(second.firstFailedAt, first.firstFailedAt)
      assert.strictEqual(second.error, "second")
      losing.pulls = 1
      assert.strictEqual((yield* lettersOf()).length, 1)
      assert.isTrue(Option.isSome(yield* letters.bodyOf(second)))
    }))
})
