import { Effect } from "effect"
import { Command } from "effect/cli"
import { flags } from "./Simulate/SimulateFlags.ts"

/** `threeqpr simulate`: simulates 3QPR on this machine, and reports at the end what happened to each event. */
export const simulate = Command.make(
  "simulate",
  flags,
  // Loaded here, because other commands do not need the simulator.
  (options) =>
    Effect.flatMap(Effect.promise(() => import("./Simulate/Run.ts")), ({ simulate }) => simulate(options))
).pipe(
  Command.withDescription("Make realistic events, deliver them as 3QPR does, and check the result of each"),
  Command.withExamples([
    { command: "threeqpr simulate", description: "Ten events a second until Ctrl-C" },
    {
      command: "threeqpr simulate --count 2000 --rate 100 --faults all --speed 1000 --verify",
      description: "All faults, then compare accepted events with stored and projected events"
    },
    {
      command: "threeqpr simulate --count 50 --url https://example.org/webhooks/3qpr",
      description: "Fifty events to a receiver elsewhere, with the secret in THREEQPR_WEBHOOK_SECRET"
    },
    {
      command: "threeqpr simulate --api-port 4000",
      description: "Also 3QPR's API, for `register` and your own code; delivers to registered webhooks"
    }
  ])
)
