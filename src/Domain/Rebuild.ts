import { Schema } from "effect"

/** What a rebuild is to do: take the place of the live read model, or only be compared with it. */
export const RebuildKind = Schema.Literals(["rebuild", "dry-run", "verify"])
export type RebuildKind = typeof RebuildKind.Type

/** State of a rebuild; it continues by itself while `running` or `comparing`. */
export const RebuildState = Schema.Literals([
  "running",
  "comparing",
  "switched",
  "compared",
  "cancelled",
  "failed"
])
export type RebuildState = typeof RebuildState.Type
