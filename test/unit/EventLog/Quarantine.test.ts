// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import { quarantineSubject } from "../../../src/EventLog/Names.ts"
import { all, at } from "../../../src/EventLog/Quarantine.ts"
import { entryOf } from "../../contract/EventLog.ts"
import * as Memory from "../../support/MemoryLog.ts"

const subject = quarantineSubject("invalid_data")

const sequencesOf = <E, R>(entries: Stream.Stream<{ readonly sequence: number }, E, R>) =>
  Stream.runCollect(Stream.map(entries, ({ sequence }) => sequence))

describe("quarantined entries", () => {
  it.effect("are found by their sequences, without reading the log", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      yield* log.append(entryOf("evt_1", { subject }))
      yield* log.append(entryOf("evt_2"))
      yield* log.append(entryOf("evt_3", { subject }))
      yield* log.append(entryOf("evt_4", { subject }))
      assert.deepStrictEqual(yield* sequencesOf(all()), [1, 3, 4])
      const unreadable = EventLog.of({ ...log, read: () => Effect.die("the log was read") })
      const found = sequencesOf(at(new Set([4, 2, 1, 99]))).pipe(Effect.provideService(EventLog, unreadable))
      assert.deepStrictEqual(yield* found, [1, 4])
    }).pipe(Effect.provide(Memory.layer())))
})
