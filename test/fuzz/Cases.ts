import type { Kind } from "./Case.ts"
import { bodies } from "./Cases/Bodies.ts"
import { broken } from "./Cases/Broken.ts"
import { connections } from "./Cases/Connections.ts"
import { framing } from "./Cases/Framing.ts"
import { privateListener } from "./Cases/Private.ts"
import { signatures } from "./Cases/Signatures.ts"
import { sizes } from "./Cases/Sizes.ts"
import { valid } from "./Cases/Valid.ts"

/** The kinds for a receiver of webhooks. */
export const publicKinds: ReadonlyArray<Kind> = [
  ...valid,
  ...bodies,
  ...signatures,
  ...sizes,
  ...framing,
  ...broken,
  ...connections
]

/** All kinds of cases. */
export const kinds: ReadonlyArray<Kind> = [...publicKinds, ...privateListener]
