import { Clock, Effect } from "effect"
import type { Simulation } from "../../Provider/Simulator.ts"
import type { Ledger } from "../../Provider/Simulator/Ledger.ts"
import { liveLine } from "../LiveLine.ts"
import { statusesOf } from "./Result.ts"

/**
 * Shows the progress of a run on standard error until it is interrupted. On a terminal one line is updated; elsewhere
 * a line is printed every 10 seconds. When nothing is accepted, the reason and the remedy are printed at once.
 */
export const show = Effect.fnUntraced(function*({ ledger }: Simulation, url: string) {
  const started = yield* Clock.currentTimeMillis
  const screen = yield* liveLine
  const said = new Set<string>()
  const sayHints = Effect.gen(function*() {
    for (const hint of hintsOf(ledger, url)) {
      if (said.has(hint)) continue
      said.add(hint)
      yield* screen.say(hint)
    }
  })
  yield* Effect.gen(function*() {
    while (true) {
      yield* Effect.sleep(250)
      yield* sayHints
      yield* screen.show(lineOf(ledger, (yield* Clock.currentTimeMillis) - started))
    }
  }).pipe(Effect.ensuring(Effect.andThen(screen.clear, sayHints)))
})

/** Formats elapsed time, events a second, responses, pending retries and latency. */
export const lineOf = (ledger: Ledger, elapsed: number) =>
  [
    new Date(elapsed).toISOString().slice(11, 19),
    `${ledger.events} events`,
    `${(ledger.events / Math.max(elapsed / 1_000, 0.001)).toFixed(1)}/s`,
    statusesOf(ledger.statuses),
    ...(ledger.retrying > 0 ? [`retrying ${ledger.retrying}`] : []),
    ...(ledger.late > 0 ? [`late ${ledger.late}`] : []),
    `p50 ${millis(ledger.latency.quantile(0.5))} p99 ${millis(ledger.latency.quantile(0.99))} ms`
  ].filter((part) => part !== "").join("  ")

/** Explains why nothing is accepted, with the remedy. */
export const hintsOf = ({ accepted, firstSilence, invalidSignatures, latency }: Ledger, url: string) => {
  if (accepted > 0) return []
  if (invalidSignatures > 0) {
    return [
      `${url} answers invalid_signature: it uses a different secret. If \`register\` changed the secret since it started, `
      + "restart `threeqpr serve`. Otherwise give its secret: --secret-file, THREEQPR_WEBHOOK_SECRET or "
      + "--data-dir."
    ]
  }
  return latency.max === null && firstSilence !== null
    ? [
      `Nothing answers at ${url} yet (${firstSilence}). It is retried as 3QPR would. Meanwhile, start `
      + "`threeqpr serve`, or end this and give --url."
    ]
    : []
}

const millis = (millis: number | null) => millis?.toFixed(millis < 10 ? 1 : 0) ?? "–"
