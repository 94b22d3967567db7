// Runs: long, alone

import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { mostEntries } from "../../../src/Admin/Live/Outbox.ts"
import { append, appendMany, connect, listener } from "../../support/LiveListener.ts"
import type { LiveStream } from "../../support/LiveStream.ts"

layer(listener, { excludeTestServices: true })("/v1/live in a flood of events", (it) => {
  it.effect(
    "bounds the backlog of a client that does not read, reports skipped entries to it, and disturbs no other",
    () =>
      Effect.gen(function*() {
        const { sequence: start } = yield* append("evt_slow_start")
        const slow = yield* connect({ query: `?after=${start}` })
        const other = yield* connect({ query: `?after=${start}` })
        yield* slow.until(() => slow.statuses().length > 0)
        yield* other.until(() => other.statuses().length > 0)
        slow.pause()
        const count = 30_000
        yield* appendMany("evt_flood", count)
        yield* other.until(() => other.sequences().at(-1) === start + count)
        const skippedBy = (client: LiveStream) => client.skips().reduce((sum, { count }) => sum + count, 0)
        // The feed does not wait for the slow client. On a busy machine, this client may be too slow at times as
        // well.
        assert.strictEqual(other.sequences().length + skippedBy(other), count)
        slow.resume()
        yield* slow.until(() => slow.sequences().at(-1) === start + count)
        const [skip] = slow.skips()
        assert.isDefined(skip)
        // Every entry is sent or reported as skipped, and the backlog of the slow client is bounded.
        assert.strictEqual(slow.sequences().length + skippedBy(slow), count)
        const sequences = slow.sequences()
        assert.isTrue(sequences.includes(skip?.after ?? 0))
        const next = sequences.find((sequence) => sequence > (skip?.up_to ?? 0))
        assert.strictEqual(next, (skip?.up_to ?? 0) + 1)
        assert.isAtMost(sequences.filter((sequence) => sequence > (skip?.up_to ?? 0)).length, mostEntries)
      }),
    240_000
  )
})
