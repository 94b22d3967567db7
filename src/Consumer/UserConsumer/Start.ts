import { DeliverPolicy } from "nats"
import { fromFirst, type Start } from "../Durable.ts"

/**
 * Where a consumer starts: with the first event, with new events only, at a time, or at a sequence of the log. A time
 * means the first event that was stored then or later.
 */
export type From = "all" | "new" | { readonly time: Date } | { readonly sequence: number }

export const startOf = (from: From = "all"): Start => {
  if (from === "all") return fromFirst
  if (from === "new") return { deliver_policy: DeliverPolicy.New }
  return "time" in from
    ? { deliver_policy: DeliverPolicy.StartTime, opt_start_time: from.time.toISOString() }
    : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from.sequence }
}
