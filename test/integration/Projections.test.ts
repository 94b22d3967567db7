import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { conversations } from "../../src/Projections/Conversations.ts"
import { scans } from "../../src/Projections/Scans.ts"
import type { Decoded } from "../../src/Projector/Batch.ts"
import { engines } from "../support/Databases.ts"
import { delivered, given, rowsOf } from "../support/Specification.ts"

const scan = (sequence: number, event: string, id: string, data: Readonly<Record<string, unknown>> = {}) =>
  delivered(sequence, event, "scan.created", { id, scanned_at: "2026-03-20T15:30:00Z", ...data })

const allScans = rowsOf("select id, event_id, sequence, country from scans order by id")

const counts = rowsOf(
  "select qpr_code_id, hour, country, device, scans from scan_counts where scans <> 0 order by 1, 2, 3, 4"
)

const recount = rowsOf(`select qpr_code_id, date_trunc('hour', scanned_at, 'UTC') as hour, country, device,
  count(*) as scans from scans group by 1, 2, 3, 4 order by 1, 2, 3, 4`)

for (const engine of engines) {
  layer(engine.layer, { excludeTestServices: true })(`projections on ${engine.name}`, (it) => {
    it.effect("an event changes its read model once, in one batch, in later batches, and after newer events", () =>
      Effect.gen(function*() {
        const { when } = yield* given(scans)
        const first = scan(1, "evt_1", "scan_a", { country: "US" })
        const second = scan(2, "evt_2", "scan_a", { country: "CH" })
        // Outside of the broker's window a replay is stored again, under a higher sequence.
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

    it.effect("gives the same rows and counts in whatever order, batches and repetition events come", () =>
      Effect.gen(function*() {
        const countries = ["US", "CH", null]
        const events = Array.from(
          { length: 120 },
          (_, index) =>
            scan(index + 1, `evt_${index}`, `scan_${(index * 7) % 40}`, {
              country: countries[index % 3],
              device: index % 2 ? "mobile" : undefined,
              scanned_at: `2026-03-20T${10 + (index % 5)}:30:00Z`
            })
        )
        const outcome = Effect.fnUntraced(function*(batches: ReadonlyArray<ReadonlyArray<Decoded>>) {
          const { when } = yield* given(scans)
          yield* when(...batches)
          assert.deepStrictEqual(yield* counts, yield* recount)
          return [yield* allScans, yield* counts]
        })
        const inOrder = yield* outcome([events])
        assert.strictEqual(inOrder[0]?.length, 40)
        for (const seed of [1, 2, 3, 4, 5]) {
          const shuffled = shuffle([...events, ...events.slice(0, 50)], seed)
          assert.deepStrictEqual(yield* outcome(split(shuffled, seed * 6)), inOrder, `seed ${seed}`)
        }
      }))

    it.effect("keeps every field and every digit that 3QPR sent", () =>
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

    it.effect("takes the time of receipt for a scan that does not say when it was", () =>
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

    it.effect("keeps conversations under either name of their key, the later event winning", () =>
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
  })
}

const split = <A>(values: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  values.length === 0 ? [] : [values.slice(0, size), ...split(values.slice(size), size)]

/** Fisher and Yates, with a generator that a seed repeats. */
const shuffle = <A>(values: ReadonlyArray<A>, seed: number): ReadonlyArray<A> => {
  const shuffled = [...values]
  let state = seed
  for (let last = shuffled.length - 1; last > 0; last--) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    const other = state % (last + 1)
    const kept = shuffled[last] as A
    shuffled[last] = shuffled[other] as A
    shuffled[other] = kept
  }
  return shuffled
}
