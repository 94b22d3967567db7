import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Latch, Logger } from "effect"
import { TestClock } from "effect/testing"
import { Buffer } from "node:buffer"
import { DeadLetterBreaker } from "../../../src/Consumer/DeadLetterBreaker.ts"
import {
  handler as orderedHandler,
  type Handling as OrderedHandling
} from "../../../src/Consumer/OrderedGroup/Handler.ts"
import { waitingOf } from "../../../src/Consumer/OrderedGroup/Waiting.ts"
import { ack, deadLetter, type Outcome, retryAfter } from "../../../src/Consumer/Outcome.ts"
import { handler, type Handling } from "../../../src/Consumer/UserConsumer/Handler.ts"
import type { Delivered } from "../../../src/EventLog/Delivered.ts"

const delivered = (sequence: number): Delivered => ({
  id: `evt_${sequence}`,
  type: "unit.happened",
  sequence,
  body: Buffer.from(JSON.stringify({ id: `evt_${sequence}`, event: "unit.happened", data: {} })),
  receivedAt: "",
  deliveries: 1,
  subject: "3qpr.events.unit.happened",
  headers: []
})

const batch = [1, 2, 3].map(delivered)

/** The outcomes of a batch, and the log lines. */
const handled = Effect.fnUntraced(function*(handling: Handling<string, unknown, never>) {
  const said: Array<string> = []
  const { handle } = yield* handler(
    { name: "unit", retry: { delays: [7] }, ...handling },
    new DeadLetterBreaker()
  )
  const log = Logger.layer([Logger.make(({ message }) => void said.push(String(message)))])
  const outcomes: Array<Outcome> = []
  for (const events of "maxBatch" in handling ? [batch] : batch.map((event) => [event])) {
    outcomes.push(...yield* Effect.provide(handle(events), log))
  }
  return { outcomes, said }
})

const inOrder = Effect.fnUntraced(function*(handling: Omit<OrderedHandling<string, unknown, never>, "name">) {
  const { handle } = yield* orderedHandler({ name: "unit", ...handling }, new DeadLetterBreaker())
  const waiting = waitingOf({ key: () => "" }, 1, delivered(1))
  return waiting && (yield* handle(waiting, { partition: 0, token: 1 }))
})

/** A handler with an untyped result, as in plain JavaScript. */
const returns = (result: unknown) => ({ handle: () => Effect.succeed(result as Outcome) })

describe("the result of a handler", () => {
  for (const result of [1, "INSERT 0 1", null, { rows: [], rowCount: 1 }, [{}], true]) {
    it.effect(`that is ${JSON.stringify(result)} means that the event is done, and is logged once`, () =>
      Effect.gen(function*() {
        const { outcomes, said } = yield* handled(returns(result))
        assert.deepStrictEqual(outcomes, [ack, ack, ack])
        assert.strictEqual(said.length, 1)
        assert.match(said[0] ?? "", /^unit: the handler returned .* counts as done/)
        assert.deepStrictEqual(yield* inOrder(returns(result)), ack)
      }))
  }

  for (const result of [[1, 2, 3], [undefined, ack, {}], 5, {}, []]) {
    it.effect(`of a batch that is ${JSON.stringify(result)} means that all its events are done`, () =>
      Effect.gen(function*() {
        const handleBatch = () => Effect.succeed(result as ReadonlyArray<Outcome>)
        const { outcomes } = yield* handled({ maxBatch: 3, handleBatch })
        assert.deepStrictEqual(outcomes, [ack, ack, ack])
      }))
  }

  it.effect("of a batch belongs to the event at the same index, or to none if the lengths differ", () =>
    Effect.gen(function*() {
      const kept = deadLetter("no customer")
      const right = yield* handled({ maxBatch: 3, handleBatch: () => Effect.succeed([undefined, kept, ack]) })
      assert.deepStrictEqual(right.outcomes, [ack, kept, ack])
      // A wrong number of outcomes fails the batch. The bisection then tries evt_2 alone, where one outcome is right.
      const { outcomes } = yield* handled({
        maxBatch: 3,
        handleBatch: (events) => Effect.succeed(events.flatMap(({ id }) => id === "evt_2" ? [kept] : []))
      })
      assert.deepStrictEqual(outcomes, [ack, kept, ack])
    }))

  for (const millis of [Number.NaN, Infinity, -5, 2 ** 31, "5"]) {
    it.effect(`that asks for a retry after ${millis} ms is a failure of the handler`, () =>
      Effect.gen(function*() {
        assert.throws(
          () => retryAfter(millis as number),
          /allowed is a number of milliseconds from 0 to 2147483647/
        )
        const broken = returns({ _tag: "RetryAfter", millis })
        const { outcomes, said } = yield* handled(broken)
        assert.deepStrictEqual(outcomes, [retryAfter(7), retryAfter(7), retryAfter(7)])
        assert.match(said[0] ?? "", /failed, next attempt .*: The outcome has the delay/)
        assert.deepStrictEqual(yield* inOrder({ ...broken, retry: { delays: [7] } }), retryAfter(7))
      }))
  }

  it.effect("is a dead letter if the rule for transient errors throws", () =>
    Effect.gen(function*() {
      const retry = {
        delays: [],
        isTransient: () => {
          throw new Error("the rule is broken")
        }
      }
      const outcome = yield* inOrder({ retry, handle: () => Effect.fail(new Error("poison")) })
      assert.deepStrictEqual(outcome, deadLetter("poison"))
    }))
})

describe("a handler that does not end", () => {
  it.effect("makes its consumer unhealthy after `progressWithin`, and healthy again when it ends", () =>
    Effect.gen(function*() {
      const goOn = yield* Latch.make()
      const { handle, stuck } = yield* handler(
        { name: "unit", progressWithin: 60_000, handle: () => goOn.await },
        new DeadLetterBreaker()
      )
      const fiber = yield* Effect.forkChild(handle([delivered(1)]))
      yield* TestClock.adjust("60 seconds")
      assert.isUndefined(yield* stuck)
      yield* TestClock.adjust("1 second")
      assert.match((yield* stuck) ?? "", /the handler of event evt_1 \(sequence 1\) has not ended for 61 s/)
      yield* goOn.open
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(Fiber.join(fiber))))
      assert.isUndefined(yield* stuck)
    }))
})
