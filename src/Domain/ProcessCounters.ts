import { Schema } from "effect"
import { roles } from "./Role.ts"

const Counts = Schema.Record(Schema.String, Schema.Number)

/** What one process has counted since it started. */
export const ProcessCounters = Schema.Struct({
  /** Host and process id. */
  instance: Schema.String,
  /** With `instance`, what tells it from the one that ran there before. */
  started_at: Schema.String,
  roles: Schema.Array(Schema.Literals(roles)),
  /** Deliveries by what became of them; none without the ingress role. */
  deliveries: Counts,
  /** Events that a projection has applied or found applied before; none without the projector role. */
  projected: Counts
})
export type ProcessCounters = typeof ProcessCounters.Type
