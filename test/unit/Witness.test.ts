import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { once } from "node:events"
import { createServer } from "node:http"
import { concluded, type Instrument, verification } from "../support/Faults/Instruments.ts"
import { accountOf } from "../support/Faults/ReadModels.ts"
import { type Difference, differencesIn, judgeOf } from "../support/Faults/Witness.ts"

const skipped: Difference = { projection: "scans", kind: "skipped", text: "scans lacks 3 events" }
const saying = (red: boolean, tells: Instrument["tells"] = ["skipped"]): Instrument => ({
  name: "/readyz",
  tells,
  isRed: () => red
})

const judge = () => {
  const seen = { problems: new Array<string>(), longest: 0 }
  return { seen, look: judgeOf(seen, new Map()) }
}

describe("the witness of the faults", () => {
  it("reports an instrument that stays green for over 30 seconds while a read model lacks events", () => {
    const { look, seen } = judge()
    look([skipped], [saying(false)], 1_000)
    look([skipped], [saying(false)], 30_000)
    assert.deepStrictEqual(seen.problems, [])
    look([skipped], [saying(false)], 32_000)
    assert.deepStrictEqual(seen.problems, ["for 31 s /readyz is green, but scans lacks 3 events"])
  })

  it("counts from the last time when the instrument was red or nothing was missing", () => {
    const { look, seen } = judge()
    look([skipped], [saying(false)], 0)
    look([skipped], [saying(true)], 20_000)
    look([skipped], [saying(false)], 25_000)
    look([], [], 40_000)
    look([skipped], [saying(false)], 45_000)
    look([skipped], [saying(false)], 70_000)
    assert.deepStrictEqual(seen, { problems: [], longest: 25_000 })
  })

  const entry = (sequence: number, id: string) => ({
    sequence,
    subject: "3qpr.events.scan.created",
    headers: { "ce-id": id, "ce-type": "scan.created" },
    body: new Uint8Array()
  })
  const applied = (...ids: ReadonlyArray<string>) =>
    ids.map((event_id, index) => ({ event_id, sequence: index + 1 }))

  it.each<readonly [string, ReadonlyArray<ReturnType<typeof entry>>, ReadonlyArray<string>]>([
    ["is the one of the rows", [entry(1, "a"), entry(2, "b"), entry(3, "c")], []],
    ["ends before the rows", [entry(1, "a")], ["unexplained"]],
    ["has other events behind the durable consumer", [entry(1, "a"), entry(2, "x"), entry(3, "y")], [
      "unexplained"
    ]],
    ["has an event that is not applied", [entry(1, "z"), entry(2, "b"), entry(3, "c")], [
      "skipped",
      "unexplained"
    ]]
  ])("finds the right kinds of differences when the log %s", (_, stream, kinds) => {
    const scans = { name: "scans", types: ["scan.created"] }
    const generation = { generation: 1, durable: "scans-1" }
    const account = accountOf(scans, generation, applied("a", "b", "c"), stream, new Set(), 1)
    assert.deepStrictEqual(differencesIn(account, 1).map(({ kind }) => kind), kinds)
  })

  it("checks an instrument only for differences that it has to report", () => {
    const { look, seen } = judge()
    look([skipped], [saying(false, ["twice"])], 0)
    look([skipped], [saying(false, ["twice"])], 90_000)
    assert.deepStrictEqual(seen.problems, [])
  })

  const answer = (body: unknown, status = 200) => ({ status, headers: new Headers(), body })
  const listing = (fault: string | null) =>
    answer({ projections: [{ name: "scans", fault, completeness: { missing: 3, unexplained: 0 } }] })

  it("expects `threeqpr status` to fail; a number in a column is not enough", () => {
    const { look, seen } = judge()
    const green = concluded(answer({ ready: true }), listing(null))
    look([skipped], [green], 0)
    look([skipped], [green], 31_000)
    assert.deepStrictEqual(seen.problems, ["for 31 s threeqpr status is green, but scans lacks 3 events"])
  })

  it.each([
    ["is not ready", answer({ ready: false }), listing(null)],
    ["does not answer", undefined, listing(null)],
    ["has a fault of the read model", answer({ ready: true }), listing("3 missing")],
    ["cannot tell", answer({ ready: true }), answer({}, 503)]
  ])("regards `threeqpr status` as red when it %s", (_, status, projections) => {
    assert.isTrue(concluded(status, projections).isRed("scans"))
  })

  /** A private listener whose verifications have this result. */
  const verifying = (ended: unknown) =>
    Effect.acquireRelease(
      Effect.promise(async () => {
        const server = createServer((request, response) => {
          const begins = request.method === "POST"
          response.writeHead(begins ? 202 : 200, { "content-type": "application/json" })
          response.end(JSON.stringify(begins ? { id: 1 } : ended))
        })
        await once(server.listen(0, "127.0.0.1"), "listening")
        return server
      }),
      (server) => Effect.sync(() => void server.close().closeAllConnections())
    ).pipe(Effect.map((server) => {
      const address = server.address()
      return { admin: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}` }
    }))

  const equal = { state: "compared", result: { tables: { scans: { equal: true } } } }

  it.live("reports a verification that began during a difference and did not find it", () =>
    Effect.gen(function*() {
      let now = 0
      const read = verification(yield* verifying(equal), () => now)
      const { look, seen } = judge()
      for (; now <= 50_000; now += 10_000) look([skipped], [yield* read(["scans"])], now)
      // The verification begins at 20 s and has ended at 30 s.
      assert.deepStrictEqual(seen, { problems: [], longest: 20_000 })
      look([skipped], [yield* read(["scans"])], now)
      assert.deepStrictEqual(seen.problems, [
        "for 30 s threeqpr projections verify is green, but scans lacks 3 events"
      ])
    }).pipe(Effect.scoped))

  it.live.each([
    ["finds it", { state: "compared", result: { tables: { scans: { equal: false } } } }],
    ["fails", { state: "failed", result: null }],
    ["continues", { state: "comparing", result: null }]
  ])("regards a verification as red that %s", ([, ended]) =>
    Effect.gen(function*() {
      let now = 0
      const read = verification(yield* verifying(ended), () => now)
      for (; now <= 50_000; now += 10_000) assert.isTrue((yield* read(["scans"])).isRed("scans"))
    }).pipe(Effect.scoped))
})
