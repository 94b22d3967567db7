// Runs: node first

import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import { isTransient } from "../../../src/Database/SqlFailure.ts"
import { eventOf } from "../../../src/EventLog/Delivered.ts"
import { EventLog, type LoggedEntry } from "../../../src/EventLog/EventLog.ts"
import { eventSubject } from "../../../src/EventLog/Names.ts"
import { applyInOrder } from "../../../src/Projector/Apply/Batch.ts"
import type { Decoded } from "../../../src/Projector/Apply/Decoded.ts"
import { type Projection, tableName } from "../../../src/Projector/Projection.ts"
import { conversations } from "../../../src/Projector/Projections/Conversations.ts"
import { qprCodes } from "../../../src/Projector/Projections/QprCodes.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { subscriptions } from "../../../src/Projector/Projections/Subscriptions.ts"
import { compare } from "../../../src/Projector/Rebuild/Compare.ts"
import { create, index, install } from "../../../src/Projector/Tables.ts"
import { entryOf } from "../../contract/EventLog.ts"
import { engines, postgres } from "../../support/Databases.ts"
import { drawsOf } from "../../support/Faults/Bodies.ts"
import * as Memory from "../../support/MemoryLog.ts"
import { rowsOf } from "../../support/Specification.ts"

const dataOf = (type: string, draw: () => number) => {
  const pick = <A>(from: ReadonlyArray<A>) => from[Math.floor(draw() * from.length)]
  const at = `2026-03-20T1${Math.floor(draw() * 4)}:30:00Z`
  const id = Math.floor(draw() * 12)
  return {
    // Includes characters that Postgres refuses.
    id: id % 3 === 0 ? `x_${id}\0\ud800` : `x_${id}`,
    qpr_code_id: pick(["qpr_a", "qpr_b"]),
    country: pick(["US", "CH", null]),
    conversation_started: true,
    conversation_messages: Math.floor(draw() * 9),
    message_count: Math.floor(draw() * 9),
    plan: pick(["free", "pro"]),
    [type.startsWith("scan") ? "scanned_at" : type.startsWith("conv") ? "completed_at" : "updated_at"]: at
  }
}

/** Makes the entries of the first history look stored by another program, without the time of receipt. */
const asStored = (entry: LoggedEntry): LoggedEntry => {
  const { "3qpr-received-at": _, ...headers } = entry.headers
  return / 1 \d+$/.test(headers["Nats-Msg-Id"] ?? "") ? { ...entry, headers } : entry
}

const mixedLog = Layer.effect(
  EventLog,
  Effect.map(EventLog, (log) =>
    EventLog.of({
      ...log,
      get: (sequence) => Effect.map(log.get(sequence), Option.map(asStored)),
      read: (options) =>
        Effect.map(log.read(options), (page) => ({ ...page, entries: page.entries.map(asStored) }))
    }))
).pipe(Layer.provide(Memory.layer()))

/** Fills the log. A third of the entries repeat an id, some of them with another body. */
const history = Effect.fnUntraced(function*(projection: Projection, seed: number) {
  const log = yield* EventLog
  const draw = drawsOf(seed)
  const bodies = new Map<string, string>()
  const events: Array<Decoded> = []
  for (let at = 0; at < 120; at++) {
    const isRepeated = at > 5 && draw() < 0.35
    const id = isRepeated
      ? `${projection.name}_${seed}_${Math.floor(draw() * at)}`
      : `${projection.name}_${seed}_${at}`
    const type = projection.types[Math.floor(draw() * projection.types.length)] ?? ""
    const same = draw() < 0.7 ? bodies.get(id) : undefined
    const body = same ?? JSON.stringify({ id, event: type, data: dataOf(type, draw) })
    bodies.set(id, bodies.get(id) ?? body)
    const subject = eventSubject(String(JSON.parse(body).event))
    const entry = entryOf(id, {
      dedupId: `${projection.name} ${seed} ${at}`,
      subject,
      type: JSON.parse(body).event,
      body: Buffer.from(body)
    })
    const { sequence } = yield* log.append(entry)
    const stored = Option.getOrThrow(yield* log.get(sequence))
    events.push({ event: eventOf(stored), json: body })
  }
  return events
})

const emptyGeneration = Effect.fnUntraced(function*(projection: Projection, generation: number) {
  const sql = yield* SqlClient
  for (const table of [...Object.keys(projection.tables), `${projection.name}_applied`]) {
    const name = tableName(table, generation)
    // Views depend on the tables of the live generation, so they are not dropped.
    yield* sql.unsafe(generation === 1 ? `truncate ${name}` : `drop table if exists ${name}`)
  }
  yield* sql`delete from repeated where name = ${projection.name} and generation = ${generation}`
  yield* sql`delete from applied_counts where name = ${projection.name} and generation = ${generation}`
  if (generation !== 1) yield* create(projection, generation)
})

const shuffled = <A>(values: ReadonlyArray<A>, draw: () => number): ReadonlyArray<A> =>
  values.map((value) => ({ value, at: draw() })).toSorted((a, b) => a.at - b.at).map(({ value }) => value)

const batchesOf = <A>(values: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  values.length === 0 ? [] : [values.slice(0, size), ...batchesOf(values.slice(size), size)]

const repeatedIn = (projection: Projection, generation: number) =>
  rowsOf(
    `select sequence, event_id from repeated where name = '${projection.name}' and generation = ${generation}
    order by 1`
  )

for (const engine of engines) {
  const concurrency = engine === postgres ? 2 : 1
  layer(Layer.merge(engine.layer, mixedLog), { excludeTestServices: true })(
    `repeated ids in the log, on ${engine.name}`,
    (it) => {
      it.effect.each([scans, conversations, qprCodes, subscriptions])(
        "count under their lowest sequence in $name, for any order of events and batches",
        (projection) =>
          Effect.gen(function*() {
            const sql = yield* SqlClient
            yield* install(projection, ({ name }, first) => Effect.succeed(`${name}-${first}`))
            yield* sql`insert into rebuilds (name, generation, version, kind, requested_by, retires, completed)
              values (${projection.name}, 2, ${projection.version}, 'rebuild', 'the tests', 2, false)`
            for (const seed of [1, 2]) {
              const events = yield* history(projection, seed)
              yield* emptyGeneration(projection, 1)
              yield* applyInOrder(projection, 1, events)
              const repeated = yield* repeatedIn(projection, 1)
              assert.isAbove(repeated.length, 10)
              for (const isBulk of [false, true]) {
                const draw = drawsOf(seed + 10)
                yield* sql`update rebuilds set completed = ${!isBulk} where name = ${projection.name}`
                yield* emptyGeneration(projection, 2)
                // Includes redeliveries.
                const order = shuffled([...events, ...events.slice(0, 30)], draw)
                yield* Effect.forEach(batchesOf(order, 1 + seed * 4), (batch) =>
                  Effect.retry(Effect.timeout(applyInOrder(projection, 2, batch), "10 seconds"), {
                    while: isTransient,
                    times: 20
                  }), {
                  concurrency,
                  discard: true
                })
                yield* index(projection, 2)
                if (isBulk) {
                  yield* projection.bulk?.complete(sql, (name) =>
                    sql.literal(tableName(name, 2))) ?? Effect.void
                }
                const tables = yield* compare(projection, 1, 2)
                assert.deepStrictEqual(
                  Object.entries(tables).flatMap(([name, { equal, examples }]) =>
                    equal ? [] : [{ name, examples }]
                  ),
                  [],
                  `seed ${seed}, bulk ${isBulk}`
                )
                assert.deepStrictEqual(yield* repeatedIn(projection, 2), repeated)
                const counts = yield* rowsOf(`select generation, sum(events) as events from applied_counts
                  where name = '${projection.name}' group by 1 order by 1`)
                assert.strictEqual(counts[0]?.["events"], counts[1]?.["events"])
              }
            }
          }),
        120_000
      )
    }
  )
}
