import { Console, Context, Effect, Fiber, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import type { RebuildAnswer, RebuildRequest } from "../../../src/Admin/Api/Projections.ts"
import { AdminClient } from "../../../src/Admin/Client.ts"
import * as Signature from "../../../src/Signature/Signature.ts"
import { readModels } from "../../support/Faults/ReadModels.ts"
import { readStream } from "../../support/Faults/Stored.ts"
import * as System from "../../support/Faults/System.ts"
import { bodyOf, fill } from "../Fill.ts"
import type { Part, Report } from "../Part.ts"

/**
 * A large rebuild, alone and under load: events arrive, a client reads all the time, and the rebuilding process is
 * killed half way. Fails when a read failed or the tables differ afterwards.
 */
export const rebuild: Part = {
  name: "rebuild",
  about: "a rebuild of 200,000 scans (--size), alone and during events, reads and a kill",
  onlyWhenNamed: true,
  run: ({ size = 200_000 }) => rebuildOf(size).pipe(Effect.provide(FetchHttpClient.layer), Effect.orDie)
}

/** Events a second that arrive during the rebuild. */
const rate = 200

/** Delivers new scans at the rate until it is interrupted, and counts the answers. */
const deliver = (url: string, size: number, seen: Record<string, number>) => {
  const began = performance.now()
  let made = 0
  const one = Effect.promise(() => {
    const body = bodyOf(`evt_new_${made}`, size + made++)
    const headers = { [Signature.header]: Signature.sign(body, System.secret) }
    return fetch(url, { method: "POST", body, headers }).then(
      async (response) => {
        await response.body?.cancel()
        seen[response.status] = (seen[response.status] ?? 0) + 1
      }
    )
  })
  return Effect.forever(Effect.suspend(() => {
    const due = Math.floor((performance.now() - began) / 1_000 * rate) - made
    return Effect.andThen(
      Effect.forEach(Array.from({ length: Math.max(0, due) }), () => one, { concurrency: 32, discard: true }),
      Effect.sleep("5 millis")
    )
  }))
}

const rebuildOf = Effect.fnUntraced(function*(size: number) {
  const notes: Array<string> = []
  const say = (note: string) => {
    notes.push(note)
    return Console.error(note)
  }
  const system = yield* System.make({ receivers: 1, projectors: 1, direct: true })
  const reader = yield* system.add("admin")
  const [receiver, projector] = [system.receivers[0], system.projectors[0]]
  if (receiver === undefined || projector === undefined) return yield* Effect.die("no processes")
  const client = yield* Layer.build(AdminClient.layer({ url: reader.admin })).pipe(
    Effect.map((context) => Context.get(context, AdminClient))
  )
  const began = performance.now()
  const seconds = (since: number) => `${((performance.now() - since) / 1_000).toFixed(1)} s`
  yield* fill(system, size)
  yield* say(`${size} scans stored in ${seconds(began)}`)
  yield* Effect.repeat(Effect.delay(client.projections.list(), "500 millis"), {
    until: ({ projections }) => projections.every(({ lag }) => lag === 0)
  })
  yield* say(`projected after ${seconds(began)}`)

  const ended = Effect.fnUntraced(
    function*(payload: Omit<RebuildRequest, "by">, halfWay: Effect.Effect<void>) {
      const started = performance.now()
      let killed = false
      const { id } = yield* client.projections.rebuild({
        params: { name: "scans" },
        payload: { ...payload, by: "the benchmark" }
      })
      while (true) {
        const now: RebuildAnswer = yield* client.projections.get({ params: { name: "scans", id } })
        if (now.finished_at !== null) return { ...now, took: seconds(started) }
        if (!killed && now.progress !== null && now.progress.done > now.progress.total / 2) {
          killed = true
          yield* say(
            `half way after ${seconds(started)}, ${Math.round(now.progress.per_second)} events/s`
          )
          yield* halfWay
        }
        yield* Effect.sleep("100 millis")
      }
    }
  )
  const alone = yield* ended({}, Effect.void)
  yield* say(`alone: ${alone.state} after ${alone.took}, ${alone.result?.events} events`)

  const answers: Record<string, number> = {}
  const delivering = yield* Effect.forkChild(deliver(receiver.webhook, size, answers))
  const reads = { done: 0, failed: 0, fewest: Infinity, slowest: 0 }
  const reading = yield* Effect.forkChild(Effect.forever(Effect.gen(function*() {
    const at = performance.now()
    yield* client.scans.list({ query: { limit: 50 } }).pipe(
      Effect.match({
        onFailure: () => void reads.failed++,
        onSuccess: ({ total }) => void (reads.fewest = Math.min(reads.fewest, total))
      })
    )
    reads.done++
    reads.slowest = Math.max(reads.slowest, performance.now() - at)
    yield* Effect.sleep("20 millis")
  })))

  const rebuilt = yield* ended(
    {},
    Effect.gen(function*() {
      yield* projector.end("SIGKILL")
      yield* projector.start
      yield* say("the process that rebuilt was killed and started again")
    })
  )
  yield* say(
    `${rebuilt.state} after ${rebuilt.took}: ${rebuilt.result?.events} events ${rebuilt.error ?? ""}`
  )
  yield* Fiber.interrupt(delivering)
  yield* system.settled
  const verified = yield* ended({ verify: true }, Effect.void)
  yield* Fiber.interrupt(reading)
  const different = Object.entries(verified.result?.tables ?? {}).filter(([, { equal }]) => !equal)
  yield* say(
    `verified after ${verified.took}: ${different.length} of ${
      Object.keys(verified.result?.tables ?? {}).length
    } tables differ`
  )
  const stream = yield* Effect.promise(() => readStream(system.broker, "3QPR_EVENTS"))
  const [scans] = yield* system.query(readModels(stream, new Set()))
  yield* say(
    `recomputed: ${scans?.applied} applied, ${scans?.skipped.length} skipped, ${scans?.twice.length} twice, `
      + `${scans?.problems.length} rows or counts differ`
  )
  yield* say(`answers: ${JSON.stringify(answers)}; reads: ${JSON.stringify(reads)}`)
  const broken = alone.state !== "switched" || rebuilt.state !== "switched" ||
    verified.state !== "compared" || different.length > 0
    || reads.failed > 0 || reads.fewest < size || Object.keys(answers).join() !== "200"
    || scans === undefined || scans.skipped.length + scans.twice.length + scans.problems.length > 0
  return { rows: [], notes, failures: broken ? ["see the figures above"] : [] } satisfies Report
})
