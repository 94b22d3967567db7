import { Schema } from "effect"
import { field, model } from "./Documented.ts"
import { roles } from "./Role.ts"

const Counts = Schema.Record(Schema.String, Schema.Number)

/** The counters of one process since it started. */
export const ProcessCounters = model(
  "ProcessCounters",
  "Counts of one process since it started.",
  Schema.Struct({
    instance: field(Schema.String, "Host and process id."),
    started_at: field(Schema.String, "When the process started. With `instance` it identifies the process."),
    roles: field(Schema.Array(Schema.Literals(roles)), "The roles that the process has."),
    deliveries: field(Counts, "Deliveries by result. Empty without the role `ingress`."),
    projected: field(
      Counts,
      "Events that a projection has applied, or found applied before. Empty without the role `projector`."
    )
  })
)
export type ProcessCounters = typeof ProcessCounters.Type
