import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Redacted, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { retrySchedule } from "../../../src/Domain/RetrySchedule.ts"
import * as Simulator from "../../../src/Provider/Simulator.ts"
import * as Account from "../../../src/Provider/Simulator/Account.ts"
import { simulate } from "../../../src/Provider/Simulator/Simulate.ts"
import { type Arrival, receiver, respond } from "../../support/Receiver.ts"
import { secret } from "../../support/Webhook.ts"

const live = (title: string, body: Effect.Effect<void, never, Scope.Scope>) => it.live(title, () => body)

/** Polls in real time, independent of the test clock. */
const until = (condition: () => boolean) =>
  Effect.promise(async () => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
  })

const fast = { secret, rate: 500, speed: 1_000, seed: "tests" }

describe("a simulated 3QPR", () => {
  live(
    "delivers each event once to a receiver that takes it",
    Effect.gen(function*() {
      const { arrivals, url } = yield* receiver()
      const report = yield* Simulator.run({ ...fast, url, count: 100 })
      assert.isTrue(report.clean, report.wrong.join())
      assert.deepStrictEqual([report.events, report.stored, report.retries, report.late >= 0], [
        100,
        100,
        0,
        true
      ])
      assert.strictEqual(new Set(arrivals.map(({ id }) => id)).size, 100)
      const [first] = arrivals
      assert.strictEqual(first?.request.method, "POST")
      assert.strictEqual(first?.request.headers["content-type"], "application/json")
    })
  )

  live(
    "keeps its connections",
    Effect.gen(function*() {
      let tries = 0
      const { arrivals, url } = yield* receiver(({ answer, response }) => {
        if (++tries < 3) respond(response, 503, { error: "unavailable" })
        else answer()
      })
      yield* Simulator.run({ ...fast, url, count: 1 })
      assert.deepStrictEqual(arrivals.map(({ reuse }) => reuse), [0, 1, 2])
    })
  )

  live(
    "delivers what was answered 503 again, with the same bytes",
    Effect.gen(function*() {
      const tries = new Map<string, number>()
      const { arrivals, url } = yield* receiver(({ answer, id, response }) => {
        tries.set(id, (tries.get(id) ?? 0) + 1)
        if ((tries.get(id) ?? 0) < 3) respond(response, 503, { error: "unavailable" })
        else answer()
      })
      const report = yield* Simulator.run({ ...fast, url, count: 40 })
      assert.isTrue(report.clean, report.wrong.join())
      assert.deepStrictEqual([report.stored, report.retries, report.waiting], [40, 80, 0])
      assert.deepStrictEqual(report.deliveries.by_status, { 200: 40, 503: 80 })
      for (const id of tries.keys()) {
        const bodies = arrivals.filter((arrival) => arrival.id === id).map(({ body }) => body)
        assert.deepStrictEqual(bodies, Array.from({ length: 3 }, () => bodies[0]))
      }
    })
  )

  it.effect("retries after 5 s, 30 s, 2 min, 10 min and 1 h, neither sooner nor later, and then gives up", () =>
    Effect.gen(function*() {
      const { arrivals, url } = yield* receiver(({ response }) => respond(response, 503, {}))
      const simulation = yield* Simulator.start({ url, secret, count: 1 })
      let waited = 0
      for (const [tried, wait] of Simulator.retryWaits.entries()) {
        yield* TestClock.adjust(0)
        yield* until(() => simulation.ledger.entries[0]?.attempts === tried + 1)
        yield* TestClock.adjust(wait - 1)
        assert.deepStrictEqual([simulation.ledger.inFlight, arrivals.length], [0, tried + 1])
        yield* TestClock.adjust(1)
        assert.strictEqual(simulation.ledger.inFlight, 1)
        waited += wait
      }
      yield* simulation.finished
      assert.strictEqual(waited, retrySchedule)
      const report = yield* simulation.report
      assert.deepStrictEqual([arrivals.length, report.given_up, report.waiting], [6, 1, 0])
      assert.isFalse(report.clean)
    }).pipe(Effect.scoped))

  live(
    "counts an answer that does not come in time as none",
    Effect.gen(function*() {
      const silent = new Set<string>()
      const { arrivals, url } = yield* receiver(({ answer, id, reuse }) =>
        reuse === 0 || silent.has(id) ? answer() : void silent.add(id)
      )
      const report = yield* Simulator.run({ ...fast, rate: 50, url, count: 20, answerWithin: 1_500 })
      assert.isAbove(silent.size, 1)
      assert.deepStrictEqual([report.deliveries.no_answer.timeout, report.retries], [
        silent.size,
        silent.size
      ])
      assert.strictEqual(arrivals.length, report.deliveries.total)
      assert.strictEqual(report.stored, 20)
      assert.isTrue(report.clean, report.wrong.join())
    })
  )

  live(
    "retries an event whose kept connection the receiver closes, and one whose answer breaks off",
    Effect.gen(function*() {
      const broken = new Set<string>()
      const { url } = yield* receiver(({ answer, id, response, reuse }) => {
        if (broken.has(id) || reuse === 0) return answer()
        broken.add(id)
        if (broken.size % 2 === 0) response.writeHead(200, { "content-length": 100 }).write("{")
        response.socket?.destroy()
      })
      const report = yield* Simulator.run({ ...fast, rate: 50, url, count: 40 })
      assert.isAbove(broken.size, 1)
      assert.strictEqual(report.deliveries.no_answer.reset, broken.size)
      assert.deepStrictEqual([report.stored, report.retries], [40, broken.size])
      assert.isTrue(report.clean, report.wrong.join())
    })
  )

  live(
    "gives up deliveries that no receiver accepts, and says why",
    Effect.gen(function*() {
      const report = yield* Simulator.run({ ...fast, url: "http://127.0.0.1:1/", count: 2, speed: 1_000_000 })
      assert.strictEqual(report.deliveries.no_answer.refused, 12)
      assert.deepStrictEqual([report.given_up, report.given_up_ids.length, report.clean], [2, 2, false])
    })
  )

  live(
    "sends on time whatever the answers do: all of them wait here for the last event",
    Effect.gen(function*() {
      const held: Array<Arrival> = []
      const { url } = yield* receiver((arrival) => {
        held.push(arrival)
        if (held.length === 100) held.forEach(({ answer }) => answer())
      })
      const report = yield* Simulator.run({ ...fast, url, count: 100 })
      assert.deepStrictEqual([report.stored, report.retries], [100, 0])
      assert.isAbove(report.latency.max ?? 0, 100)
    })
  )

  live(
    "says when the limit of attempts in flight holds events up",
    Effect.gen(function*() {
      let open = 0
      let most = 0
      const { url } = yield* receiver(({ answer }) => {
        most = Math.max(most, ++open)
        setTimeout(() => {
          open--
          answer()
        }, 150)
      })
      const report = yield* Simulator.run({ ...fast, url, count: 20, maxInFlight: 5 })
      assert.deepStrictEqual([report.stored, most], [20, 5])
      assert.isAtLeast(report.late, 10)
    })
  )

  live(
    "does all the harm it is asked for, and a good receiver comes out clean",
    Effect.gen(function*() {
      const { arrivals, url } = yield* receiver()
      const faults = Simulator.faultNames
      const report = yield* Simulator.run({ ...fast, url, count: 600, faults })
      assert.isTrue(report.clean, report.wrong.join())
      for (const fault of faults) assert.isAbove(report.faults[fault] ?? 0, 0, fault)
      assert.strictEqual(report.accepted, 600)
      // On a busy machine, a cut can happen before the body has arrived.
      assert.isAtMost(arrivals.length, report.deliveries.total, "no attempt is made twice")
      assert.isAtLeast(arrivals.length, report.deliveries.total - report.deliveries.no_answer.cut)
      assert.strictEqual(report.quarantined, report.faults.malformed)
      assert.strictEqual(report.forged.sent, report.forged.refused + report.forged.unanswered)
      assert.isAbove(report.forged.sent, 10)
      assert.strictEqual(report.deliveries.no_answer.cut, report.faults["lost-answers"])
      assert.isAtLeast(report.duplicates, report.faults.duplicates ?? 0)
      assert.isTrue(arrivals.some(({ parts }) => parts > 1), "a body in two parts")
    })
  )

  live(
    "finds a receiver out that takes everything from anybody",
    Effect.gen(function*() {
      const { url } = yield* receiver(({ response }) => respond(response, 200, { ok: true }))
      const report = yield* Simulator.run({ ...fast, url, count: 300, faults: ["unsigned", "malformed"] })
      assert.isFalse(report.clean)
      assert.strictEqual(report.forged.accepted, report.forged.sent)
      assert.match(report.violations.join(), /a forgery \(unsigned\) was accepted/)
      assert.match(report.violations.join(), /was accepted as an event/)
    })
  )

  live(
    "makes no new events and no more retries once it is stopped, and knows what waits",
    Effect.gen(function*() {
      const { arrivals, url } = yield* receiver(({ response }) => respond(response, 503, {}))
      const simulation = yield* Simulator.start({ url, secret, rate: 100, speed: 100 })
      yield* until(() => simulation.ledger.retrying >= 3)
      yield* simulation.stop
      const report = yield* simulation.report
      assert.deepStrictEqual([report.waiting, report.given_up, report.accepted], [report.events, 0, 0])
      assert.strictEqual(simulation.ledger.inFlight, 0)
      const came = arrivals.length
      // Retries are due every 50 ms, new events every 10 ms.
      yield* Effect.sleep(200)
      assert.strictEqual(arrivals.length, came)
    })
  )

  live(
    "starts with the first registration, and delivers to each webhook the types it wants, with its secret",
    Effect.gen(function*() {
      const [one, other] = [Redacted.make("whsec_one"), Redacted.make("whsec_other")]
      const scansOnly = yield* receiver(undefined, one)
      const everything = yield* receiver(undefined, other)
      const types = ["scan.created", "conversation.completed", "qpr_code.created"]
      const webhooks: Array<Simulator.Webhook> = [
        { id: "wh_1", url: scansOnly.url, events: ["scan.created"], secret: one, createdAt: "" },
        { id: "wh_2", url: everything.url, events: types, secret: other, createdAt: "" }
      ]
      const registered = yield* Deferred.make<Simulator.Webhook>()
      const scans: Array<Simulator.ScanRecord> = []
      const account: Simulator.Account = {
        ...(yield* Account.make()),
        record: (scan) => void scans.push(scan),
        webhooks: () => webhooks,
        registered: Deferred.await(registered)
      }
      const running = yield* Effect.forkChild(Simulator.run({ ...fast, account, count: 60 }))
      yield* Effect.sleep(50)
      assert.strictEqual(scansOnly.arrivals.length + everything.arrivals.length, 0)
      for (const webhook of webhooks.slice(0, 1)) yield* Deferred.succeed(registered, webhook)
      const report = yield* Fiber.join(running)
      assert.isTrue(report.clean, report.wrong.join())
      assert.strictEqual(scansOnly.arrivals.length, scans.length)
      assert.strictEqual(everything.arrivals.length, 60)
      assert.strictEqual(report.accepted, 60 + scans.length)
    })
  )
})

describe("simulate", () => {
  const options = { secret: Redacted.value(secret), rate: 500, seed: "tests", count: 20 }

  live(
    "delivers every event and resolves with the report",
    Effect.gen(function*() {
      const { arrivals, url } = yield* receiver()
      const report = yield* Effect.promise(() => simulate({ ...options, url }))
      assert.deepStrictEqual(
        [report.clean, report.events, arrivals.length],
        [true, 20, 20],
        report.wrong.join()
      )
    })
  )

  live(
    "ends early when its signal is aborted",
    Effect.gen(function*() {
      const { arrivals, url } = yield* receiver()
      const aborted = new AbortController()
      const running = simulate({ ...options, url, rate: 20, count: 1_000_000, signal: aborted.signal })
      yield* until(() => arrivals.length > 2)
      aborted.abort()
      assert.isBelow((yield* Effect.promise(() => running)).events, 1_000)
    })
  )

  it("refuses wrong and unknown options by name, and shows no secret", async () => {
    const wrong = {
      ...options,
      url: "ftp://example.org",
      secret: "short",
      speed: 0,
      faults: ["fire"],
      cuont: 2
    }
    const failure = await simulate(wrong as never).then(() => "it ran", (error: unknown) => error)
    assert.instanceOf(failure, TypeError)
    const { message } = failure as TypeError
    assert.deepStrictEqual(
      message.split("\n").map((line) => /^simulate(?: has no option|:) (\w+)/.exec(line)?.[1]),
      [
        "cuont",
        "url",
        "secret",
        "speed",
        "faults"
      ]
    )
    assert.notInclude(message, "short;")
  })
})
