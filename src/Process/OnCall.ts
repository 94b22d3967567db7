import { Effect } from "effect"
import { webhookPath } from "../Domain/WebhookPath.ts"
import { withoutPeriod } from "./Failure.ts"
import { ingest, type Outcome } from "./Metrics.ts"
import { monotonicMillis } from "./Monotonic.ts"
import { type Fault, ProcessHealth } from "./ProcessHealth.ts"

/** Logs changes of readiness and refused deliveries for operators on call, until it is interrupted. */
export const report = Effect.fnUntraced(function*(receives: boolean) {
  const { faults } = yield* ProcessHealth
  return yield* Effect.all([
    reportReadiness(faults, receives),
    receives ? reportRefusals(ingest.counts) : Effect.never
  ], { concurrency: "unbounded" })
})

const lookEvery = "1 second"

/** No delivery is accepted without these parts. */
const needed: ReadonlySet<string> = new Set(["event log", "webhook secret"])

/** Logs a line when the process is no longer ready, when other parts fail, and when it is ready again. */
export const reportReadiness = Effect.fnUntraced(
  function*(faults: Effect.Effect<ReadonlyArray<Fault>>, receives: boolean) {
    // Compare the parts, because the reason of a part may contain a number of seconds.
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
          `not ready: ${byReason(found)}${receives ? `. ${whatOfDeliveries(found)}` : ""}`
        )
    }
  }
)

/** Groups parts that have the same reason. */
const byReason = (faults: ReadonlyArray<Fault>) => {
  const parts = new Map<string, ReadonlyArray<string>>()
  for (const { part, reason } of faults) {
    const clause = withoutPeriod(reason)
    parts.set(clause, [...parts.get(clause) ?? [], part])
  }
  return Array.from(parts, ([reason, names]) => `${names.join(", ")}: ${reason}`).join("; ")
}

const whatOfDeliveries = (faults: ReadonlyArray<Fault>) =>
  faults.some(({ part }) => needed.has(part))
    ? "Deliveries are answered 503, and 3QPR retries each for 72 minutes. After a longer outage, `threeqpr reconcile` "
      + "restores the scans. Deliveries that were answered 200 are kept"
    : "Deliveries are still stored, and events are projected later"

/** Minimum time between two lines about the same outcome, in milliseconds. */
const quiet = 60_000

/** Logs a line for each kind of refusal: at the first one, then at most once a minute. */
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

const shown =
  "None is stored. If 3QPR sent them, it retries for 72 minutes. `threeqpr rejections list` shows them"
// A publish without an acknowledgement may have been stored.
const repeated = "3QPR retries each for 72 minutes, and none is stored twice. GET /readyz shows the reason"

/**
 * For each refusal: why deliveries are refused, what happens to them, and what to do. Outcomes that are not refusals
 * are absent.
 */
const refusals: Readonly<Record<Refusal, { readonly status: number; readonly what: string }>> = {
  missing_signature: {
    status: 400,
    what: `They have no X-3QPR-Signature: they are not from 3QPR, or a proxy removes the header. ${shown}`
  },
  ambiguous_signature: {
    status: 400,
    what: `They have several signatures: a proxy probably adds one. ${shown}`
  },
  invalid_signature: {
    status: 400,
    what:
      `They are signed with another secret, or a proxy changed their bodies. ${shown}; \`threeqpr doctor\` compares the `
      + "secrets"
  },
  body_too_slow: { status: 408, what: `The network or the proxy in front is too slow. ${shown}` },
  body_too_large: { status: 413, what: `They are larger than MAX_BODY_BYTES. ${shown}` },
  unsupported_encoding: {
    status: 415,
    what: `A proxy compresses the bodies. Turn that off. ${shown}`
  },
  wrong_path: {
    status: 404,
    what:
      `They are signed, but their path is not ${webhookPath}. Correct the address that is registered with 3QPR, or `
      + `the proxy that changes the path. ${shown}`
  },
  unavailable: { status: 503, what: repeated },
  too_many_in_flight: {
    status: 503,
    what: `MAX_IN_FLIGHT deliveries are already waiting to be stored. ${repeated}`
  }
}

type Refusal = Exclude<Outcome, "stored" | "duplicate" | "quarantined" | "erased" | "aborted">
