// Runs: long, node first

import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import process from "node:process"
import { Client } from "pg"
import { open } from "../../../src/Consumer/OrderedGroup/GroupStore.ts"
import { Consumer } from "../../../src/index.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { NatsServer } from "../../../src/Nats/Server.ts"
import { newDatabase } from "../../support/Databases.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { standStill } from "../../support/Processes.ts"
import { append } from "../../support/Projecting.ts"
import * as Script from "../../support/Script.ts"
import { ready } from "../../support/Subscribing.ts"
import { poll } from "../../support/Until.ts"

const happen = (name: string, key: string, type = "ordered.happened") =>
  append(name, JSON.stringify({ id: name, event: type, data: { key } }), type)

/** Waits until this number of members shares the partitions evenly. */
const untilShared = Effect.fnUntraced(function*(group: string, members: number) {
  const nats = yield* Nats
  const manager = yield* Effect.promise(() => nats.connection.jetstreamManager())
  const store = yield* open(nats, manager, group)
  const sizes = Effect.map(store.read, ({ partitions }) => {
    const counts = new Map<string, number>()
    for (const { record } of partitions.values()) {
      if (record.owner !== null) counts.set(record.owner, (counts.get(record.owner) ?? 0) + 1)
    }
    return [...counts.values()].toSorted((a, b) => a - b)
  })
  return yield* poll(sizes, (sizes) =>
    sizes.length === members
    && sizes.reduce((sum, size) => sum + size, 0) === 8
    && (sizes.at(-1) ?? 0) - (sizes[0] ?? 0) <= 1)
})

/** A ledger in a new database, its rows, and members that write to it. */
const ledgerOf = Effect.fnUntraced(function*(group: string) {
  const url = yield* newDatabase
  const database = yield* Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new Client({ connectionString: url })
      await client.connect()
      return client
    }),
    (client) => Effect.promise(() => client.end())
  )
  yield* Effect.promise(() => database.query(Consumer.fenceTable))
  yield* Effect.promise(() =>
    database.query(`create table ledger (
      place serial, key text, sequence bigint, partition int, token bigint, pid int)`)
  )
  const { token, url: servers } = yield* NatsServer
  const member = Effect.tap(
    Script.start("run-member", servers, Redacted.value(token), group, url),
    ({ line }) => Effect.repeat(line, { until: (line) => line === "ready" })
  )
  const rows = Effect.promise(async () => {
    const { rows } = await database.query(
      "select key, sequence::int, partition, token::int, pid from ledger order by place"
    )
    return rows as ReadonlyArray<Row>
  })
  return { member, rows }
})

interface Row {
  readonly key: string
  readonly sequence: number
  readonly partition: number
  readonly token: number
  readonly pid: number
}

/** Checks that each key's events are in order with none skipped, and that no older owner writes after a newer one. */
const check = (rows: ReadonlyArray<Row>, appended: ReadonlyMap<string, ReadonlyArray<number>>) => {
  for (const [key, sequences] of appended) {
    const mine = rows.filter((row) => row.key === key)
    const first = [...new Set(mine.map(({ sequence }) => sequence))]
    assert.deepStrictEqual(first, sequences, `key ${key}`)
  }
  for (let partition = 0; partition < 8; partition++) {
    const mine = rows.filter((row) => row.partition === partition)
    for (const [index, row] of mine.entries()) {
      const before = mine[index - 1]
      if (before === undefined) continue
      assert.isAtLeast(row.token, before.token, JSON.stringify([before, row]))
      if (row.token === before.token) {
        assert.isAbove(row.sequence, before.sequence, JSON.stringify([before, row]))
      }
    }
  }
}

layer(Layer.effectDiscard(ready).pipe(Layer.provideMerge(consumersOnBroker)), { excludeTestServices: true })(
  "an ordered group of processes",
  (it) => {
    it.effect(
      "keeps each key's order while members join, leave, are killed and are suspended",
      () =>
        Effect.gen(function*() {
          const { member, rows } = yield* ledgerOf("ledgered")
          const appended = new Map<string, Array<number>>()
          let count = 0
          const more = Effect.fnUntraced(function*(events: number) {
            for (let index = 0; index < events; index++) {
              const key = `k${(count * 7) % 40}`
              const { sequence } = yield* happen(`ordered_${count++}`, key)
              appended.set(key, [...appended.get(key) ?? [], sequence])
            }
          })
          const untilAll = poll(rows, (rows) => new Set(rows.map(({ sequence }) => sequence)).size === count)
          yield* more(100)
          const first = yield* member
          const second = yield* member
          yield* untilShared("ledgered", 2)
          yield* more(200)
          const third = yield* member
          yield* untilShared("ledgered", 3)
          yield* more(200)
          yield* first.kill
          yield* untilShared("ledgered", 2)
          yield* more(200)
          yield* standStill(second.pid)
          yield* untilShared("ledgered", 1)
          yield* more(100)
          process.kill(second.pid, "SIGCONT")
          yield* untilShared("ledgered", 2)
          yield* more(200)
          process.kill(third.pid, "SIGTERM")
          assert.strictEqual(yield* third.ended, 0)
          yield* untilShared("ledgered", 1)
          yield* more(50)
          const written = yield* untilAll
          check(written, appended)
          assert.strictEqual(new Set(written.map(({ pid }) => pid)).size, 3)
        }),
      180_000
    )

    it.effect(
      "rejects the write of a suspended member whose partition has moved to another member",
      () =>
        Effect.gen(function*() {
          const { member, rows } = yield* ledgerOf("stalled")
          const first = yield* member
          const slow = yield* happen("stalled_1", "slow")
          yield* Effect.repeat(first.line, { until: (line) => line === `slow ${slow.sequence}` })
          yield* standStill(first.pid)
          const second = yield* member
          yield* untilShared("stalled", 1)
          const isWritten = (rows: ReadonlyArray<Row>) =>
            rows.some(({ sequence }) => sequence === slow.sequence)
          yield* poll(rows, isWritten)
          process.kill(first.pid, "SIGCONT")
          yield* Effect.repeat(first.line, { until: (line) => line === `fenced ${slow.sequence}` })
          const written = yield* rows
          assert.deepStrictEqual(written.filter(({ key }) => key === "slow").map(({ pid }) => pid), [
            second.pid
          ])
        }),
      120_000
    )
  }
)
