// Runs: node first

import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Stream } from "effect"
import type { Change } from "../../../src/Admin/Api/Changes.ts"
import { ChangeFeed, mostListeners } from "../../../src/Admin/Changes/ChangeFeed.ts"
import { Draining } from "../../../src/Admin/Draining.ts"
import { Patience, WaitFor } from "../../../src/Admin/ReadModels/WaitFor.ts"
import { beginning } from "../../../src/Projector/Changes/Read.ts"
import { conversations } from "../../../src/Projector/Projections/Conversations.ts"
import { qprCodes } from "../../../src/Projector/Projections/QprCodes.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { postgres } from "../../support/Databases.ts"
import { send } from "../../support/Http.ts"
import { listener, Url } from "../../support/LiveListener.ts"
import { append, projectorOf } from "../../support/Projecting.ts"
import { delivered, given } from "../../support/Specification.ts"
import { until } from "../../support/Until.ts"
import { scanCreated } from "../../support/Webhook.ts"

interface Page {
  readonly changes: ReadonlyArray<typeof Change.Type>
  readonly cursor: string
  readonly end: boolean
}

const get = Effect.fnUntraced(function*(path: string) {
  return yield* send(`${yield* Url}${path}`)
})

const page = (query: string) => Effect.map(get(`/v1/changes${query}`), ({ body }) => body as Page)

const scan = (sequence: number, id: string) => delivered(sequence, `evt_${sequence}`, "scan.created", { id })

const change = (sequence: number, id: string) => ({
  kind: "changed" as const,
  projection: "scans",
  table: "scans",
  key: { id },
  sequence,
  event_id: `evt_${sequence}`
})

/** Reads a stream until its text matches. */
const readUntil = (path: string, fits: RegExp, headers: Readonly<Record<string, string>> = {}) =>
  Effect.flatMap(Url, (url) =>
    Effect.promise(async (signal) => {
      const response = await fetch(`${url}${path}`, { headers, signal })
      let text = ""
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += chunk
        if (fits.test(text)) break
      }
      return text
    }))

layer(listener, { excludeTestServices: true })("/v1/changes", (it) => {
  it.effect(
    "begins at the end, waits for the next change, and continues after its cursor",
    () =>
      Effect.gen(function*() {
        const { when } = yield* given(scans)
        yield* when([scan(1, "before")])
        const first = yield* page("")
        assert.deepStrictEqual([first.changes, first.end], [[], true])
        const waiting = yield* Effect.forkChild(page(`?after=${first.cursor}&wait=30`))
        yield* when([scan(2, "a"), scan(3, "b")])
        const second = yield* Fiber.join(waiting)
        assert.deepStrictEqual(second.changes, [change(2, "a"), change(3, "b")])
        assert.deepStrictEqual((yield* page(`?after=${second.cursor}`)).changes, [])
        assert.deepStrictEqual((yield* page(`?after=${first.cursor}&projection=conversations`)).changes, [])
        assert.deepInclude((yield* page("?after=77-1")).changes[0], { kind: "reset", projection: null })
        assert.strictEqual((yield* get("/v1/changes?after=yesterday")).status, 400)
      }),
    30_000
  )

  it.effect(
    "sends the same as server-sent events, and continues after the last id",
    () =>
      Effect.gen(function*() {
        const { when } = yield* given(scans)
        const { cursor } = yield* page("")
        yield* when([scan(11, "c")])
        const text = yield* readUntil(`/v1/changes/live?after=${cursor}`, /event: change\n/)
        assert.include(text, `data: ${JSON.stringify(change(11, "c"))}\n`)
        const [, id = ""] = /^id: (\S+)$/m.exec(text) ?? []
        yield* when([scan(12, "d")])
        const more = yield* readUntil("/v1/changes/live", /event: change\n/, { "last-event-id": id })
        assert.include(more, `data: ${JSON.stringify(change(12, "d"))}\n`)
        assert.notInclude(more, `"c"`)
      }),
    30_000
  )

  it.effect(
    "lets a read wait until the read model has finished the log up to a sequence",
    () =>
      Effect.gen(function*() {
        for (const projection of [scans, conversations, qprCodes]) yield* given(projection)
        const { sequence } = yield* append("evt_w", scanCreated("evt_w", { id: "scan_w" }))
        const asked = yield* Effect.forkChild(Effect.all([
          get(`/v1/scans?wait_for=${sequence}`),
          get(`/v1/scans/scan_w?wait_for=${sequence}`),
          get(`/v1/analytics?period=all&wait_for=${sequence}`)
        ], { concurrency: 3 }))
        yield* Effect.gen(function*() {
          const [list, one, analytics] = yield* Fiber.join(asked)
          assert.deepStrictEqual([list.status, one.status, analytics.status], [200, 200, 200])
          assert.include(JSON.stringify(list.body), "scan_w")
          assert.deepInclude(analytics.body, { scans_total: 1 })
        }).pipe(Effect.provide(projectorOf(scans, conversations, qprCodes)))
        const beyond = yield* get(`/v1/scans?wait_for=${sequence + 1}`)
        assert.strictEqual(beyond.status, 504)
        assert.deepInclude(beyond.body, {
          detail: `The log ends at sequence ${sequence}, so nothing can be applied up to ${sequence + 1}.`,
          applied_to: sequence
        })
      }),
    60_000
  )

  it.effect("does not let a read wait longer than its limit, and reports how far the read model is", () =>
    Effect.gen(function*() {
      yield* given(scans)
      const { sequence } = yield* append("evt_v", scanCreated("evt_v"))
      const { applied } = yield* Effect.provide(
        WaitFor,
        Layer.fresh(WaitFor.layer).pipe(
          Layer.provide(Draining.layer),
          Layer.provide(Layer.succeed(Patience, 20))
        )
      )
      const error = yield* Effect.flip(applied(["absent"], sequence))
      assert.match(
        error.detail ?? "",
        new RegExp(`absent has finished .* not up to ${sequence} within 0.02 s`)
      )
      assert.deepInclude(error, { applied_to: 0 })
    }))
})

layer(
  ChangeFeed.layer({ patience: 30 }).pipe(
    Layer.provideMerge(Draining.layer),
    Layer.provideMerge(postgres.layer)
  ),
  { excludeTestServices: true }
)("the change feed", (it) => {
  it.effect("lets 64 clients wait at a time, and gives a place that becomes free to the next one", () =>
    Effect.gen(function*() {
      const feed = yield* ChangeFeed
      const wait = (millis: number) => feed.page(beginning, undefined, millis)
      const another = Effect.match(wait(1), {
        onFailure: ({ message }) => message,
        onSuccess: () => "a place"
      })
      const waiting = yield* Effect.forEach(
        Array.from({ length: mostListeners }),
        () => Effect.forkChild(wait(600_000), { startImmediately: true })
      )
      yield* until("every place is taken", another, (answer) => answer !== "a place")
      const refused = yield* Effect.flip(Effect.scoped(feed.open(undefined, undefined, () => {})))
      assert.deepInclude(refused, {
        detail: `${mostListeners} clients wait for changes already. Close one, or try again later.`
      })
      yield* Fiber.interrupt(waiting[0] ?? assert.fail())
      yield* until("a place is free", another, (answer) => answer === "a place")
      yield* Fiber.interruptAll(waiting)
    }))

  it.effect("cuts a client that does not read, and no client that reads", () =>
    Effect.gen(function*() {
      const feed = yield* ChangeFeed
      const { when } = yield* given(scans)
      yield* when([scan(1, "a")])
      const cut = new Set<string>()
      const open = (name: string) => feed.open(beginning, undefined, () => void cut.add(name))
      const reader = yield* open("reads")
      const got = yield* Deferred.make<void>()
      yield* Effect.forkChild(
        Stream.runForEach(reader, (bytes) =>
          String(bytes).includes("event: change") ? Deferred.succeed(got, undefined) : Effect.void)
      )
      yield* Deferred.await(got)
      const idle = yield* Stream.toPull(yield* open("does not read"))
      yield* idle
      yield* idle
      yield* until("the client is cut", Effect.sync(() => [...cut]), ({ length }) =>
        length > 0)
      assert.deepStrictEqual([...cut], ["does not read"])
    }).pipe(Effect.scoped))
})
