/**
 * Room `Provider`: the client of 3QPR's API, and a 3QPR for tests.
 *
 * Promises: A request that must not be repeated is sent once. The simulator signs and retries as 3QPR does.
 *
 * May use: `Domain`, `Process`, `Signature`, `Admin/Api`, `Admin/Client`.
 */
import { Effect } from "effect"
import { type Options, start } from "./Simulator/Engine.ts"

export { retryWaits } from "../Domain/RetrySchedule.ts"
export {
  type Account,
  type CodeRecord,
  make as makeAccount,
  type ScanRecord,
  type Webhook
} from "./Simulator/Account.ts"
export { type ApiOptions, SimulatedApi } from "./Simulator/Api.ts"
export { type Destination, type Options, type Simulation, start } from "./Simulator/Engine.ts"
export { type FaultName, faultNames, faults } from "./Simulator/Faults.ts"
export type { Entry, Forged, Ledger, Unexpected } from "./Simulator/Ledger.ts"
export type { Report } from "./Simulator/Report.ts"
export { type Comparison, position, VerificationFailed, verify } from "./Simulator/Verify.ts"

/**
 * Runs a simulation of `count` events to its end. Generates events, delivers them by 3QPR's rules with the chosen
 * faults, and reports their outcomes.
 */
export const run = Effect.fn("Simulator.run")(function*(options: Options & { readonly count: number }) {
  const simulation = yield* start(options)
  yield* simulation.finished
  return yield* simulation.report
}, Effect.scoped)
