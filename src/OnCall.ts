import { Effect } from "effect"
import { ingest, type Outcome } from "./Metrics.ts"
import { monotonicMillis } from "./Monotonic.ts"
import { type Fault, Vitals } from "./Vitals.ts"

/** Logs changes of readiness and refused deliveries, for people on call, until it is interrupted. */
export const report = Effect.fnUntraced(function*(receives: boolean) {
  const { faults } = yield* Vitals
  return yield* Effect.all([
    reportReadiness(faults, receives),
    receives ? reportRefusals(ingest.counts) : Effect.never
  ], { concurrency: "unbounded" })
})

const lookEvery = "1 second"

/** Without these parts no delivery is accepted. */
const needed: ReadonlySet<string> = new Set(["event log", "webhook secret"])

/** A line when the process is not ready any more, when other parts are at fault, and when it is ready again. */
export const reportReadiness = Effect.fnUntraced(
  function*(faults: Effect.Effect<ReadonlyArray<Fault>>, receives: boolean) {
    // The reason of a part may count seconds, so parts are compared.
    let known = ""
    let since = 0
    while (true) {
      yield* Effect.sleep(lookEvery)
      const now = yield* monotonicMillis
      const found = yield* faults
      const parts = found.map(({ part }) => part).join()
      if (parts === known) continue
      if (known === "") since = now
      known = parts
      yield* found.length === 0
        ? Effect.logInfo(`ready again after ${((now - since) / 1_000).toFixed(0)} s`)
        : Effect.logWarning(
          `not ready: ${found.map(({ part, reason }) => `${part}: ${reason}`).join("; ")}${
            receives ? `. ${whatOfDeliveries(found)}` : ""
          }`
        )
    }
  }
)

const whatOfDeliveries = (faults: ReadonlyArray<Fault>) =>
  faults.some(({ part }) => needed.has(part))
    ? "Deliveries are answered 503 and not stored. 3QPR repeats each for 72 minutes; `threeqpr reconcile` brings back the "
      + "scans of a longer outage. What was answered 200 is kept"
    : "Deliveries are still stored, and what waits is projected later"

/** The time from one line about an outcome to the next, in milliseconds. */
const quiet = 60_000

/** A line for each way in which deliveries are refused: at the first one, and then once a minute at most. */
export const reportRefusals = Effect.fnUntraced(
  function*(counts: () => Readonly<Record<string, number>>) {
    const told = new Map<string, { count: number; at: number }>()
    while (true) {
      const now = yield* monotonicMillis
      for (const [outcome, { status, what }] of Object.entries(refusals)) {
        const count = counts()[outcome] ?? 0
        const last = told.get(outcome) ?? { count: 0, at: -Infinity }
        if (count === last.count || now - last.at < quiet) continue
        told.set(outcome, { count, at: now })
        const since = Number.isFinite(last.at) ? ` in ${((now - last.at) / 1_000).toFixed(0)} s` : ""
        yield* Effect.logWarning(
          `deliveries refused with ${status} ${outcome}: ${count - last.count}${since}. ${what}`
        )
      }
      yield* Effect.sleep(lookEvery)
    }
  }
)

const sender = "GET /v1/rejections shows the last ones, and `threeqpr doctor` checks the secret."
const repeated = "3QPR repeats them. GET /readyz says what is wrong."

/** What is no refusal is not here. */
const refusals: Readonly<Record<Refusal, { readonly status: number; readonly what: string }>> = {
  missing_signature: { status: 400, what: sender },
  ambiguous_signature: { status: 400, what: sender },
  invalid_signature: { status: 400, what: sender },
  body_too_slow: { status: 408, what: "Look at the network, and at the proxy in front." },
  body_too_large: { status: 413, what: "MAX_BODY_BYTES is the largest body that is accepted." },
  unsupported_encoding: { status: 415, what: "A proxy in front must not compress bodies." },
  wrong_path: {
    status: 404,
    what: "They have a signature and another path. Register the path /webhooks/3qpr."
  },
  unavailable: { status: 503, what: repeated },
  too_many_in_flight: { status: 503, what: `${repeated} MAX_IN_FLIGHT is the most at a time.` }
}

type Refusal = Exclude<Outcome, "stored" | "duplicate" | "quarantined" | "aborted">
