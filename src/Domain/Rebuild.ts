import { Schema } from "effect"

/** The purpose of a rebuild: to replace the live read model, or only to be compared with it. */
export const RebuildKind = Schema.Literals(["rebuild", "dry-run", "verify"])
export type RebuildKind = typeof RebuildKind.Type

/** The state of a rebuild. The rebuild continues without further requests while it is `running` or `comparing`. */
export const RebuildState = Schema.Literals([
  "running",
  "comparing",
  "switched",
  "compared",
  "cancelled",
  "failed"
])
export type RebuildState = typeof RebuildState.Type
