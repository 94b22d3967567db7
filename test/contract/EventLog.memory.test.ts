import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { EventLog } from "../../src/EventLog/EventLog.ts"
import * as Memory from "../support/MemoryLog.ts"
import { entryOf, suite } from "./EventLog.ts"

suite("memory", Memory.layer())

it.effect("accepts an id again after the deduplication window", () =>
  Effect.gen(function*() {
    const log = yield* EventLog
    yield* log.append(entryOf("evt_1"))
    yield* TestClock.adjust("59 seconds")
    assert.isTrue((yield* log.append(entryOf("evt_1"))).duplicate)
    yield* TestClock.adjust("1 seconds")
    assert.isFalse((yield* log.append(entryOf("evt_1"))).duplicate)
  }).pipe(Effect.provide(Memory.layer({ dedupWindow: 60_000 }))))
