import { consumer } from "./Catalogue/Consumer.ts"
import { eventLog } from "./Catalogue/EventLog.ts"
import { ingress } from "./Catalogue/Ingress.ts"
import { operations } from "./Catalogue/Operations.ts"
import { processes } from "./Catalogue/Processes.ts"
import { projector } from "./Catalogue/Projector.ts"
import { rebuilds } from "./Catalogue/Rebuilds.ts"
import { threats } from "./Catalogue/Threats.ts"
import type { Protection } from "./Protection.ts"

/** Every protection that is known to be one, in the order of the data. */
export const catalogue: ReadonlyArray<Protection> = [
  ...ingress,
  ...eventLog,
  ...consumer,
  ...projector,
  ...rebuilds,
  ...operations,
  ...processes,
  ...threats
]
