import { assert, describe } from "@effect/vitest"
import { Effect, Layer, Logger, Metric, Redacted } from "effect"
import { createHash } from "node:crypto"
import { ErasedIds } from "../../../src/EventLog/ErasedIds.ts"
import * as Follow from "../../../src/EventLog/ErasedIds/Follow.ts"
import {
  erasedStream,
  erasedSubject,
  erasedSubjects,
  operationStream,
  operationSubject
} from "../../../src/EventLog/Names.ts"
import { managerOf } from "../../../src/Nats/Manager.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { test } from "../../support/Live.ts"
import * as NatsProcess from "../../support/NatsProcess.ts"
import { until } from "../../support/Until.ts"

/** The value of the gauge. */
const known = Effect.map(
  Metric.snapshot,
  (metrics) => metrics.find(({ id }) => id === "threeqpr_erased_ids_known")?.state
)

const untilKnown = (expected: number) =>
  until(
    "the gauge",
    known,
    (state) => state !== undefined && "value" in state && Number(state.value) === expected
  )

/** Collects warnings. */
const warningsLogger = () => {
  const warnings: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (logLevel === "Warn") warnings.push(String(message))
  })
  const untilWarned = until(
    "the warning",
    Effect.sync(() => warnings.join()),
    (text) => text.includes(erasedStream)
  )
  return { warnings, untilWarned, layer: Logger.layer([logger]) }
}

describe("the ids of erased events", () => {
  test(
    "are known while the stream was never created, and not known after it was deleted",
    Effect.gen(function*() {
      const broker = yield* NatsProcess.start()
      const { layer, untilWarned, warnings } = warningsLogger()
      yield* Effect.gen(function*() {
        const nats = yield* Nats
        const manager = yield* managerOf(nats)
        const { mayHave } = yield* ErasedIds
        const create = Effect.promise(() =>
          manager.streams.add({ name: erasedStream, subjects: [erasedSubjects], max_msgs_per_subject: 1 })
        )
        const publish = (id: string) => {
          const hash = createHash("sha256").update(id).digest("hex")
          return Effect.promise(() => nats.connection.jetstream().publish(erasedSubject(hash)))
        }
        const untilHas = (id: string) => until(id, Effect.sync(() => mayHave(id)), (has) => has)

        yield* untilKnown(1)
        yield* create
        yield* publish("evt_1")
        yield* untilHas("evt_1")
        yield* Effect.promise(() => manager.streams.delete(erasedStream))
        yield* untilKnown(0)
        yield* untilWarned
        assert.lengthOf(warnings, 1)
        assert.match(
          warnings[0] ?? "",
          /were erased, but the stream 3QPR_ERASED does not exist\. .* The role admin publishes the ids again/
        )

        yield* create
        yield* publish("evt_2")
        yield* untilHas("evt_2")
        yield* untilKnown(1)
      }).pipe(
        Effect.provide(Follow.layer.pipe(
          Layer.provideMerge(Nats.layer({ servers: [broker.url], token: Redacted.make(broker.token) }))
        )),
        Effect.provide(layer)
      )
    })
  )

  test(
    "are not known to a receiver that starts while the stream is missing, although an event was erased",
    Effect.gen(function*() {
      const broker = yield* NatsProcess.start()
      const { layer, untilWarned } = warningsLogger()
      yield* Effect.gen(function*() {
        const nats = yield* Nats
        const manager = yield* managerOf(nats)
        yield* Effect.promise(async () => {
          await manager.streams.add({ name: operationStream, subjects: [operationSubject("*", "*")] })
          await nats.connection.jetstream().publish(operationSubject("01J", "discarded"))
        })
        yield* Effect.scoped(Effect.andThen(Layer.build(Layer.fresh(Follow.layer)), untilKnown(1)))

        yield* Effect.promise(() => nats.connection.jetstream().publish(operationSubject("01J", "forgotten")))
        yield* Layer.build(Layer.fresh(Follow.layer))
        yield* untilWarned
        yield* untilKnown(0)
        yield* Effect.promise(() => manager.streams.add({ name: erasedStream, subjects: [erasedSubjects] }))
        yield* untilKnown(1)
      }).pipe(
        Effect.provide(Nats.layer({ servers: [broker.url], token: Redacted.make(broker.token) })),
        Effect.provide(layer),
        Effect.scoped
      )
    })
  )
})
