// Runs: node first

import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Decoded } from "../../../src/Projector/Apply/Decoded.ts"
import { conversations } from "../../../src/Projector/Projections/Conversations.ts"
import { qprCodes } from "../../../src/Projector/Projections/QprCodes.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { subscriptions } from "../../../src/Projector/Projections/Subscriptions.ts"
import { engines } from "../../support/Databases.ts"
import { delivered, given, rowsOf } from "../../support/Specification.ts"

const scan = (sequence: number, event: string, id: string, data: Readonly<Record<string, unknown>> = {}) =>
  delivered(sequence, event, "scan.created", { id, scanned_at: "2026-03-20T15:30:00Z", ...data })

const allScans = rowsOf("select id, event_id, sequence, country from scans order by id")

const counters = {
  scan_counts: "qpr_code_id, date_trunc('hour', scanned_at, 'UTC') as hour, country, device",
  scan_hours: "qpr_code_id, date_trunc('hour', scanned_at, 'UTC') as hour",
  scan_days: "qpr_code_id, date_trunc('day', scanned_at, 'UTC') as day, country, device",
  scan_code_days: "qpr_code_id, date_trunc('day', scanned_at, 'UTC') as day",
  scan_total_hours: "date_trunc('hour', scanned_at, 'UTC') as hour",
  scan_total_days: "date_trunc('day', scanned_at, 'UTC') as day, country, device"
}

/** All counters as text, each with a recount of the rows. */
const countsAndRecounts = Effect.forEach(Object.entries(counters), ([table, key]) =>
  Effect.all([
    sorted(`select * from ${table}`),
    sorted(`select ${key}, count(*), count(*) filter (where conversation_started),
      coalesce(sum(conversation_messages) filter (where conversation_started), 0) from scans
      group by ${key.replace(/ as \w+/, "")}`)
  ]))

const sorted = (query: string) =>
  Effect.map(
    rowsOf(`select row(rows.*)::text as row from (${query}) as rows order by 1`),
    (rows) => rows.map(({ row }) => row)
  )

const counts = rowsOf(
  "select qpr_code_id, day, country, device, scans from scan_days order by 1, 2, 3, 4"
)

for (const engine of engines) {
  layer(engine.layer, { excludeTestServices: true })(`projections on ${engine.name}`, (it) => {
    it.effect("an event changes its read model once, in one batch, in later batches, and after newer events", () =>
      Effect.gen(function*() {
        const { when } = yield* given(scans)
        const first = scan(1, "evt_1", "scan_a", { country: "US" })
        const second = scan(2, "evt_2", "scan_a", { country: "CH" })
        // After the deduplication window, a repeated event is stored again, under a higher sequence.
        const replayed = scan(9, "evt_1", "scan_a", { country: "US" })
        yield* when([first, first], [first], [second], [second, replayed], [replayed])
        assert.deepStrictEqual(yield* allScans, [{
          id: "scan_a",
          event_id: "evt_2",
          sequence: 2,
          country: "CH"
        }])
        assert.deepStrictEqual((yield* counts).map(({ country, scans }) => [country, scans]), [["CH", 1]])
      }))

    it.effect("gives the same rows and counts for any order, batches and repetition of events", () =>
      Effect.gen(function*() {
        const countries = ["US", "CH", null]
        const events = Array.from(
          { length: 120 },
          (_, index) =>
            scan(index + 1, `evt_${index}`, `scan_${(index * 7) % 40}`, {
              country: countries[index % 3],
              device: index % 2 ? "mobile" : undefined,
              conversation_started: [true, false, undefined][index % 4],
              conversation_messages: index % 11,
              // At the end, one hour has no scans: its counters must be deleted.
              scanned_at: `2026-03-20T${index < 40 ? 20 : 10 + (index % 5)}:30:00Z`
            })
        )
        const outcome = Effect.fnUntraced(function*(
          batches: ReadonlyArray<ReadonlyArray<Decoded>>,
          how: "when" | "whenRebuilt" = "when"
        ) {
          const events = yield* given(scans)
          yield* events[how](...batches)
          const all = yield* countsAndRecounts
          for (const [counted, recounted] of all) assert.deepStrictEqual(counted, recounted)
          return [yield* allScans, ...all.map(([counted]) => counted)]
        })
        const inOrder = yield* outcome([events])
        assert.strictEqual(inOrder[0]?.length, 40)
        for (const seed of [1, 2, 3, 4, 5]) {
          const shuffled = shuffle([...events, ...events.slice(0, 50)], seed)
          for (const how of ["when", "whenRebuilt"] as const) {
            assert.deepStrictEqual(
              yield* outcome(split(shuffled, seed * 6), how),
              inOrder,
              `${how}, seed ${seed}`
            )
          }
        }
      }))

    it.effect("keep every field and every digit that 3QPR sent", () =>
      Effect.gen(function*() {
        const { when } = yield* given(scans)
        yield* when([
          delivered(
            1,
            "evt_1",
            "scan.created",
            `{"id":"scan_a","weather":{"sun":true},"big":9007199254740993,"text":"é\\n"}`
          )
        ])
        const [row] = yield* rowsOf(
          "select data->>'big' as big, data->'weather' as weather, data->>'text' as text from scans"
        )
        assert.deepStrictEqual(row, { big: "9007199254740993", weather: { sun: true }, text: "é\n" })
      }))

    it.effect("use the time of receipt for a scan without a time", () =>
      Effect.gen(function*() {
        const { when } = yield* given(scans)
        yield* when([
          delivered(1, "evt_1", "scan.created", { id: "scan_a", scanned_at: null, metadata: null })
        ])
        const [row] = yield* rowsOf(
          "select scanned_at = '2026-03-20T16:00:00Z' as taken, metadata from scans"
        )
        assert.deepStrictEqual(row, { taken: true, metadata: null })
      }))

    it.effect("keep conversations under either name of their key; the later event wins", () =>
      Effect.gen(function*() {
        const { when } = yield* given(conversations)
        const event = (sequence: number, id: string, data: Readonly<Record<string, unknown>>) =>
          delivered(sequence, id, "conversation.completed", data)
        yield* when(
          [event(2, "evt_2", {
            conversation_id: "conv_a",
            message_count: 2,
            completed_at: "2026-03-20T15:31:00Z"
          })],
          [event(1, "evt_1", { id: "conv_a", message_count: 1 }), event(3, "evt_3", { id: "conv_b" })]
        )
        assert.deepStrictEqual(
          yield* rowsOf("select id, sequence, message_count from conversations order by id"),
          [{ id: "conv_a", sequence: 2, message_count: 2 }, {
            id: "conv_b",
            sequence: 3,
            message_count: null
          }]
        )
      }))

    it.effect("count conversations and their messages by code and hour, for any order of events", () =>
      Effect.gen(function*() {
        const events = Array.from(
          { length: 60 },
          (_, index) =>
            delivered(index + 1, `evt_${index}`, "conversation.completed", {
              id: `conv_${(index * 7) % 20}`,
              qpr_code_id: ["qpr_a", "qpr_b", null][index % 3],
              message_count: index % 4 === 0 ? undefined : index,
              completed_at: `2026-03-20T${10 + (index % 5)}:30:00Z`
            })
        )
        const outcome = Effect.fnUntraced(function*(
          batches: ReadonlyArray<ReadonlyArray<Decoded>>,
          how: "when" | "whenRebuilt" = "when"
        ) {
          const events = yield* given(conversations)
          yield* events[how](...batches)
          const counted = yield* sorted("select * from conversation_hours")
          assert.deepStrictEqual(
            counted,
            yield* sorted(`select qpr_code_id, date_trunc('hour', completed_at, 'UTC') as hour, count(*),
              coalesce(sum(message_count), 0) from conversations group by 1, 2`)
          )
          assert.deepStrictEqual(
            yield* sorted("select * from conversation_total_hours"),
            yield* sorted(`select date_trunc('hour', completed_at, 'UTC') as hour, count(*),
              coalesce(sum(message_count), 0) from conversations group by 1`)
          )
          return counted
        })
        const inOrder = yield* outcome([events])
        for (const seed of [1, 2, 3]) {
          const shuffled = shuffle([...events, ...events.slice(0, 30)], seed)
          for (const how of ["when", "whenRebuilt"] as const) {
            assert.deepStrictEqual(
              yield* outcome(split(shuffled, seed * 6), how),
              inOrder,
              `${how}, seed ${seed}`
            )
          }
        }
      }))

    it.effect("keep the state of a code from its last event in the stream", () =>
      Effect.gen(function*() {
        const event = (sequence: number, id: string, data: Readonly<Record<string, unknown>>) =>
          delivered(sequence, `evt_${sequence}`, "qpr_code.created", { id, ...data })
        const events = [
          event(1, "qpr_a", { name: "Door", created_at: "2026-03-20T15:30:00Z", template: "menu" }),
          event(2, "qpr_b", { name: null, short_id: "hc9m3r", metadata: { floor: 2 } }),
          event(3, "qpr_a", { name: "Window", created_at: "2026-03-20T15:30:00Z", status: "active" })
        ]
        const expected = [
          { id: "qpr_a", event_id: "evt_3", name: "Window", status: "active", short_id: null, floor: null },
          { id: "qpr_b", event_id: "evt_2", name: null, status: null, short_id: "hc9m3r", floor: 2 }
        ]
        for (const seed of [1, 2, 3, 4]) {
          const { when } = yield* given(qprCodes)
          yield* when(...split(shuffle([...events, ...events], seed), seed))
          assert.deepStrictEqual(
            yield* rowsOf(`select id, event_id, name, status, short_id, metadata->'floor' as floor
              from qpr_codes order by id`),
            expected,
            `seed ${seed}`
          )
        }
      }))

    it.effect("keeps the subscription of the last event in the log, whatever the clocks and the order", () =>
      Effect.gen(function*() {
        const types = ["subscription.upgraded", "subscription.cancelled"]
        const random = generator(7)
        const events = Array.from(
          { length: 90 },
          (_, index) =>
            delivered(index + 1, `evt_${index + 1}`, types[random(2)] ?? "", {
              id: `sub_${random(12)}`,
              plan: `plan_${random(3)}`,
              // Timestamps that disagree with the order of the log.
              updated_at: random(4) === 0 ? null : `2026-03-20T1${random(10)}:00:00Z`
            })
        )
        const rows = rowsOf(`select id, event_id, sequence, last_event, plan, occurred_at, data
          from subscriptions order by id`)
        const { when } = yield* given(subscriptions)
        yield* when(events)
        const inOrder = yield* rows
        const last = new Map(events.map(({ event, json }) => [String(JSON.parse(json).data.id), event.id]))
        assert.deepStrictEqual(
          inOrder.map(({ event_id, id }) => [id, event_id]),
          [...last].toSorted(([a = ""], [b = ""]) => a < b ? -1 : 1)
        )
        for (const seed of [1, 2, 3, 4, 5]) {
          const { when } = yield* given(subscriptions)
          yield* when(...split(shuffle([...events, ...events.slice(0, 30)], seed), seed * 7))
          assert.deepStrictEqual(yield* rows, inOrder, `seed ${seed}`)
        }
      }))
  })
}

const split = <A>(values: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  values.length === 0 ? [] : [values.slice(0, size), ...split(values.slice(size), size)]

/** A Fisher–Yates shuffle, reproducible by its seed. */
const shuffle = <A>(values: ReadonlyArray<A>, seed: number): ReadonlyArray<A> => {
  const shuffled = [...values]
  const random = generator(seed)
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = random(last + 1)
    const kept = shuffled[last] as A
    shuffled[last] = shuffled[other] as A
    shuffled[other] = kept
  }
  return shuffled
}

/** Integers below a limit, reproducible by the seed. */
const generator = (seed: number) => {
  let state = seed
  return (limit: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * limit)
  }
}
