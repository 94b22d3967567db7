import type { Projection } from "./Projection.ts"
import { conversations } from "./Projections/Conversations.ts"
import { qprCodes } from "./Projections/QprCodes.ts"
import { scans } from "./Projections/Scans.ts"
import { subscriptions } from "./Projections/Subscriptions.ts"

/** Every projection that `serve` runs. To add one, write it in its own file and list it here. */
export const projections: ReadonlyArray<Projection> = [scans, conversations, qprCodes, subscriptions]
