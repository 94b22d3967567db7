import { Context } from "effect"
import type { Projection } from "./Projection.ts"
import { conversations } from "./Projections/Conversations.ts"
import { qprCodes } from "./Projections/QprCodes.ts"
import { scans } from "./Projections/Scans.ts"
import { subscriptions } from "./Projections/Subscriptions.ts"

/** The built-in projections. */
export const projections: ReadonlyArray<Projection> = [scans, conversations, qprCodes, subscriptions]

/** The projections that this process knows: the built-in ones, and those of the file that PROJECTIONS names. */
export const Projections = Context.Reference<ReadonlyArray<Projection>>(
  "threeqpr-events/Projector/Projections",
  {
    defaultValue: () => projections
  }
)
