import { DeliverPolicy } from "nats"
import { fromFirst, type Start } from "../Consumer/Durable.ts"

/**
 * Where a consumer begins: with the first event there is, with those to come, with the first that was stored
 * at a time or later, or with a sequence of the log.
 */
export type From = "all" | "new" | { readonly time: Date } | { readonly sequence: number }

export const startOf = (from: From = "all"): Start => {
  if (from === "all") return fromFirst
  if (from === "new") return { deliver_policy: DeliverPolicy.New }
  return "time" in from
    ? { deliver_policy: DeliverPolicy.StartTime, opt_start_time: from.time.toISOString() }
    : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from.sequence }
}
