import { assert, layer } from "@effect/vitest"
import { Clock, Effect, Fiber, type Layer, Option } from "effect"
import { Buffer } from "node:buffer"
import { type Entry, EventLog, type Page } from "../../src/EventLog/EventLog.ts"
import { eventSubject, quarantineSubject, quarantineSubjects } from "../../src/EventLog/Names.ts"
import { until } from "../support/Until.ts"

/** An entry with this id. The other fields have fixed values, which `more` can replace. */
export const entryOf = (id: string, more: Partial<Entry> = {}): Entry => ({
  id,
  subject: eventSubject("scan.created"),
  type: "scan.created",
  body: Buffer.from(`{"id":"${id}"}`),
  signature: `sha256=${"0".repeat(64)}`,
  receivedAt: Date.UTC(2026, 2, 20, 15, 30),
  ...more
})

/** The contract of the event log. Each adapter has to pass this suite. */
export const suite = <E>(name: string, log: Layer.Layer<EventLog, E>) =>
  layer(log, { excludeTestServices: true })(`EventLog on ${name}`, (it) => {
    it.effect("becomes ready, and keeps no trace of its probes", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        yield* until("ready", log.health, ({ ready }) => ready)
        yield* until("no entry", log.state, ({ entries }) => entries === 0)
      }))

    it.effect("gives each new id a higher sequence", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const first = yield* log.append(entryOf("evt_1"))
        const second = yield* log.append(entryOf("evt_2"))
        assert.isAbove(first.sequence, 0)
        assert.isAbove(second.sequence, first.sequence)
        assert.isFalse(first.duplicate || second.duplicate)
        assert.strictEqual((yield* log.state).lastSequence, second.sequence)
      }))

    it.effect("reports a stored id as a duplicate, whatever its body and subject, and keeps the first entry", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const first = yield* log.append(entryOf("evt_3"))
        const { entries } = yield* log.state
        const again = yield* log.append(
          entryOf("evt_3", { body: Buffer.from("other"), subject: "3qpr.events.other" })
        )
        assert.deepStrictEqual(again, { sequence: first.sequence, duplicate: true })
        assert.strictEqual((yield* log.state).entries, entries)
        const kept = Option.getOrThrow(yield* log.get(first.sequence))
        assert.strictEqual(Buffer.from(kept.body).toString(), `{"id":"evt_3"}`)
      }))

    it.effect("stores an event again under another dedup id, with the sequence of its quarantined entry", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const first = yield* log.append(entryOf("evt_once_more"))
        const more = { dedupId: `quarantine:${first.sequence}`, quarantinedAs: first.sequence }
        const second = yield* log.append(entryOf("evt_once_more", more))
        assert.isAbove(second.sequence, first.sequence)
        const again = yield* log.append(entryOf("evt_once_more", more))
        assert.deepStrictEqual(again, { sequence: second.sequence, duplicate: true })
        const { headers } = Option.getOrThrow(yield* log.get(second.sequence))
        assert.strictEqual(headers["ce-id"], "evt_once_more")
        assert.strictEqual(headers["3qpr-quarantined-as"], String(first.sequence))
      }))

    it.effect("erases an entry and leaves its sequence as a gap, also when it is erased twice", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const kept = yield* log.append(entryOf("evt_before_gap"))
        const gone = yield* log.append(entryOf("evt_gap"))
        const after = yield* log.append(entryOf("evt_behind_gap"))
        const { entries, lastSequence } = yield* log.state
        yield* log.erase(gone.sequence)
        yield* log.erase(gone.sequence)
        assert.isTrue(Option.isNone(yield* log.get(gone.sequence)))
        const state = yield* log.state
        assert.deepStrictEqual([state.entries, state.lastSequence], [entries - 1, lastSequence])
        const { entries: left } = yield* log.read({ after: kept.sequence - 1, limit: 10 })
        assert.deepStrictEqual(left.map(({ sequence }) => sequence), [kept.sequence, after.sequence])
        const next = yield* log.append(entryOf("evt_next_to_gap"))
        assert.strictEqual(next.sequence, lastSequence + 1)
      }))

    it.effect("stores an id once when it is appended 100 times concurrently", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const { entries } = yield* log.state
        const stored = yield* Effect.forEach(
          Array.from({ length: 100 }),
          () => log.append(entryOf("evt_4")),
          {
            concurrency: "unbounded"
          }
        )
        assert.strictEqual(stored.filter(({ duplicate }) => !duplicate).length, 1)
        assert.strictEqual(new Set(stored.map(({ sequence }) => sequence)).size, 1)
        assert.strictEqual((yield* log.state).entries, entries + 1)
      }))

    it.effect("returns the bytes, the subject and the headers of an entry", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const body = Uint8Array.from({ length: 256 }, (_, byte) => byte)
        const subject = quarantineSubject("invalid_json")
        const { sequence } = yield* log.append(entryOf("evt_5", { body, subject, type: subject }))
        const entry = Option.getOrThrow(yield* log.get(sequence))
        assert.deepStrictEqual([...entry.body], [...body])
        assert.strictEqual(entry.subject, subject)
        assert.deepStrictEqual(entry.headers, {
          "Nats-Msg-Id": "evt_5",
          "ce-specversion": "1.0",
          "ce-id": "evt_5",
          "ce-type": subject,
          "ce-source": "https://api.3qpr.com",
          "ce-time": "2026-03-20T15:30:00.000Z",
          "content-type": "application/json",
          "3qpr-signature": `sha256=${"0".repeat(64)}`,
          "3qpr-received-at": "2026-03-20T15:30:00.000Z"
        })
      }))

    it.effect("stores an entry with the longest id, a body of 1 MiB, or an empty body", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        for (
          const entry of [
            entryOf("~".repeat(200)),
            entryOf("evt_6", { body: Buffer.alloc(1_048_576, "x") }),
            entryOf("evt_7", { body: new Uint8Array() })
          ]
        ) {
          const { sequence } = yield* log.append(entry)
          const { body } = Option.getOrThrow(yield* log.get(sequence))
          assert.strictEqual(body.length, entry.body.length)
        }
      }))

    it.effect("returns no entry after its end", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const { lastSequence } = yield* log.state
        assert.isTrue(Option.isNone(yield* log.get(lastSequence + 1)))
      }))

    it.effect("reads and counts the entries after a sequence, in order and filtered by subject", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const { lastSequence: after } = yield* log.state
        const subjectOf = (index: number) =>
          index % 3 === 0 ? quarantineSubject("invalid_data") : eventSubject(index % 2 ? "a.b" : "a.c")
        const stored = yield* Effect.forEach(
          Array.from({ length: 12 }, (_, index) => index),
          (index) => log.append(entryOf(`evt_read_${index}`, { subject: subjectOf(index) }))
        )
        const idsOf = ({ entries }: Page) => entries.map(({ headers }) => headers["ce-id"])
        const all = yield* log.read({ after, limit: 100 })
        assert.deepStrictEqual(
          all.entries.map(({ sequence }) => sequence),
          stored.map(({ sequence }) => sequence)
        )
        assert.deepStrictEqual(idsOf(yield* log.read({ after, limit: 2 })), ["evt_read_0", "evt_read_1"])
        const middle = stored[5]?.sequence ?? 0
        const filter = "3qpr.events.a.b"
        assert.deepStrictEqual(idsOf(yield* log.read({ after: middle, limit: 9, filter })), [
          "evt_read_7",
          "evt_read_11"
        ])
        assert.strictEqual(yield* log.count({ after }), 12)
        assert.strictEqual(yield* log.count({ after: middle, filter }), 2)
        assert.strictEqual(yield* log.count({ after, filter: "3qpr.events.a.*" }), 8)
        assert.strictEqual(yield* log.count({ after, filter: quarantineSubjects }), 4)
        const end = (cursor: number): Page => ({ entries: [], cursor, end: true })
        assert.deepStrictEqual(
          yield* log.read({ after: middle, limit: 9, filter: "3qpr.events.x" }),
          end(middle)
        )
        assert.deepStrictEqual(yield* log.read({ after: middle + 1_000, limit: 9 }), end(middle + 1_000))
        assert.isFalse(all.end)
        assert.strictEqual(all.cursor, stored.at(-1)?.sequence)
        const first = (after: number, filter?: string) =>
          Effect.map(log.first({ after, filter }), (entry) => Option.getOrUndefined(entry)?.headers["ce-id"])
        assert.strictEqual(yield* first(after), "evt_read_0")
        assert.strictEqual(yield* first(middle), "evt_read_6")
        assert.strictEqual(yield* first(middle, "3qpr.events.a.b"), "evt_read_7")
        assert.strictEqual(yield* first(middle, quarantineSubjects), "evt_read_6")
        assert.isUndefined(yield* first(middle, "3qpr.events.x"))
        assert.isUndefined(yield* first(middle + 1_000))
        assert.strictEqual(yield* log.count({ after: middle + 1_000 }), 0)
      }))

    it.effect("counts the entries of each subject at one point in time", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const before = yield* log.census
        const subject = eventSubject("of.a.census")
        assert.isUndefined(before.subjects[subject])
        yield* log.append(entryOf("evt_census_1", { subject }))
        const { sequence } = yield* log.append(entryOf("evt_census_2", { subject }))
        const after = yield* log.census
        assert.strictEqual(after.subjects[subject], 2)
        assert.strictEqual(after.entries, before.entries + 2)
        assert.strictEqual(after.lastSequence, sequence)
        assert.strictEqual(
          Object.values(after.subjects).reduce((sum, count) => sum + count, 0),
          after.entries
        )
      }))

    it.effect("reads large entries in smaller pages and skips none", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const { lastSequence } = yield* log.state
        for (let index = 0; index < 12; index++) {
          yield* log.append(entryOf(`evt_large_${index}`, { body: Buffer.alloc(1_048_576, "x") }))
        }
        const sequences: Array<number> = []
        while (sequences.length < 12) {
          const part = yield* log.read({ after: sequences.at(-1) ?? lastSequence, limit: 12 })
          assert.isFalse(part.end)
          sequences.push(...part.entries.map(({ sequence }) => sequence))
        }
        assert.deepStrictEqual(sequences, [...new Set(sequences)].sort((a, b) => a - b))
      }))

    it.effect("waits up to the given time for the first entry", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const { lastSequence: after } = yield* log.state
        assert.deepStrictEqual(yield* log.read({ after, limit: 5, wait: 50 }), {
          entries: [],
          cursor: after,
          end: true
        })
        const waiting = yield* Effect.forkChild(log.read({ after, limit: 5, wait: 20_000 }))
        yield* Effect.yieldNow
        const { sequence } = yield* log.append(entryOf("evt_awaited"))
        assert.deepStrictEqual((yield* Fiber.join(waiting)).entries.map((entry) => entry.sequence), [
          sequence
        ])
      }))

    it.effect("finds the sequence of the first entry after a time", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const { sequence } = yield* log.append(entryOf("evt_before"))
        yield* Effect.sleep(20)
        const between = yield* Clock.currentTimeMillis
        yield* Effect.sleep(20)
        const { lastSequence } = yield* log.state
        assert.strictEqual(yield* log.sequenceAt(between), lastSequence + 1)
        const later = yield* log.append(entryOf("evt_after"))
        assert.strictEqual(yield* log.sequenceAt(between), later.sequence)
        assert.strictEqual(yield* log.sequenceAt(between + 3_600_000), later.sequence + 1)
        assert.isAtMost(yield* log.sequenceAt(0), sequence)
      }))

    it.effect("reports its creation time, size and settings", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const state = yield* log.state
        assert.isAbove(Date.parse(state.created), Date.UTC(2026, 0))
        assert.isAbove(state.bytes, 1_048_576)
        assert.isAtLeast(state.firstSequence, 1)
        assert.strictEqual(state.dedupWindow, 7_200_000)
        assert.strictEqual(state.retention, undefined)
        assert.strictEqual(state.replicas, 1)
      }))
  })
