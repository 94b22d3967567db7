/** `threeqpr-events/simulator`: delivers events as 3QPR does, for your own tests. */
export { retryWaits } from "./Domain/RetrySchedule.ts"
export { OptionsInvalid } from "./Process/Options.ts"
export { type FaultName, faultNames } from "./Provider/Simulator/Faults.ts"
export type { Report } from "./Provider/Simulator/Report.ts"
export { simulate, type SimulateOptions } from "./Provider/Simulator/Simulate.ts"
