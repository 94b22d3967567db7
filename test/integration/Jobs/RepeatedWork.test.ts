// Runs: long, broker

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Operations } from "../../../src/EventLog/Operations.ts"
import * as EraseAgain from "../../../src/Jobs/Erasure/EraseAgain.ts"
import * as Runner from "../../../src/Jobs/Operations/Runner.ts"
import { FailurePatience } from "../../../src/Process/LastingFailure.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { subscriptions } from "../../../src/Projector/Projections/Subscriptions.ts"
import * as Projector from "../../../src/Projector/Projector.ts"
import { postgres } from "../../support/Databases.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { until } from "../../support/Until.ts"

const stack = Layer.mergeAll(Operations.layer, ProcessHealth.layer, postgres.layer).pipe(
  Layer.provideMerge(consumersOnBroker)
)

const faults = Effect.flatMap(ProcessHealth, ({ faults }) => faults)

const untilFault = (part: string, fits: RegExp) =>
  until(
    `a fault of ${part}`,
    faults,
    (all) => all.some((fault) => fault.part === part && fits.test(fault.reason))
  )

const untilSound = (part: string) =>
  until(`no fault of ${part}`, faults, (all) => all.every((fault) => fault.part !== part))

describe.concurrent("work that is repeated and keeps failing makes the process not ready", () => {
  const provided = Effect.provideService(FailurePatience, 100)

  it.live("as the erasure of what came back does, until it succeeds", () =>
    Effect.gen(function*() {
      yield* Layer.build(EraseAgain.layer)
      const sql = yield* SqlClient
      yield* sql`alter table erased_ids rename to erased_elsewhere`
      yield* untilFault("erasure", /erasing later deliveries is delayed: .*erased_ids/)
      yield* sql`alter table erased_elsewhere rename to erased_ids`
      yield* untilSound("erasure")
    }).pipe(Effect.scoped, provided, Effect.provide(stack)))

  it.live("as the comparison of repeated events does, until it succeeds", () =>
    Effect.gen(function*() {
      yield* Layer.build(Projector.layer([subscriptions]))
      const sql = yield* SqlClient
      yield* sql`alter table repeated rename column body to other`
      yield* untilFault("repeated events", /are not compared yet/)
      yield* sql`alter table repeated rename column other to body`
      yield* untilSound("repeated events")
    }).pipe(Effect.scoped, provided, Effect.provide(stack)))

  it.live("as an operation does that the database delays, and names the operation", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      yield* sql`alter table forgotten rename to elsewhere`
      yield* Layer.build(Runner.layer)
      const { begin } = yield* Operations
      const { operation } = yield* begin(
        { kind: "forget", by: "ann", reason: "test", asked: { kind: "event", id: "evt_1" }, rate: 100 },
        Stream.make("1")
      )
      assert.isString(operation)
      yield* untilFault("operations", new RegExp(`operation ${operation} is delayed: .*forgotten`))
    }).pipe(Effect.scoped, provided, Effect.provide(stack)))
})
