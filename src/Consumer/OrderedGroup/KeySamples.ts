import { Buffer } from "node:buffer"
import { eventSubject } from "../../EventLog/Names.ts"
import type { ConsumedEvent } from "../UserConsumer/ConsumedEvent.ts"
import { partitionOf } from "./Key.ts"
import { type Keyed, waitingOf } from "./Waiting.ts"

/**
 * One event of each type of 3QPR, with different values in its fields. They never change, because the keys that a
 * group's members derive from them are compared.
 */
const samples: Readonly<Record<string, object>> = {
  "scan.created": {
    id: "scan_sample",
    qpr_code_id: "qpr_sample",
    short_id: "short_sample",
    scanned_at: "2026-01-02T03:04:05.000Z",
    country: "CH",
    region: "ZH",
    city: "Zürich",
    device: "mobile",
    conversation_started: true,
    conversation_messages: 7,
    metadata: { account: "account_sample" }
  },
  "conversation.completed": {
    id: "conv_sample",
    conversation_id: "conv_sample",
    qpr_code_id: "qpr_sample",
    scan_id: "scan_sample",
    started_at: "2026-01-02T03:04:05.000Z",
    completed_at: "2026-01-02T03:05:06.000Z",
    messages: [],
    message_count: 9,
    metadata: { account: "account_sample" }
  },
  "qpr_code.created": {
    id: "qpr_sample",
    name: "A sample",
    short_id: "short_sample",
    scan_url: "https://3qpr.com/s/short_sample",
    status: "active",
    metadata: { account: "account_sample" },
    created_at: "2026-01-02T03:04:05.000Z",
    updated_at: "2026-01-02T03:05:06.000Z"
  },
  "subscription.upgraded": {
    id: "sub_sample",
    plan: "pro",
    status: "active",
    updated_at: "2026-01-02T03:04:05.000Z"
  },
  "subscription.cancelled": {
    id: "sub_sample",
    plan: "pro",
    status: "cancelled",
    updated_at: "2026-01-02T03:04:05.000Z"
  }
}

/**
 * Hashes of the keys that a key function returns for the samples. Two functions with different hashes assign the same
 * event to different partitions. A sample for which the function throws is left out, because a function may need
 * fields that only real events have.
 */
export const keysOf = <T extends string>(keyed: Keyed<T>): Keys => {
  const keys: Record<string, number> = {}
  let isObject = false
  const key = (event: ConsumedEvent<T>) => {
    const given: unknown = keyed.key(event)
    // The text of a promise or an object is the same for all events.
    if (typeof given === "object" && given !== null) isObject = true
    keys[event.type] = partitionOf(String(given), 2 ** 32)
    return String(given)
  }
  for (const [type, data] of Object.entries(samples)) {
    waitingOf({ types: keyed.types, key }, 1, {
      id: `evt_${type}`,
      type,
      sequence: 1,
      body: Buffer.from(JSON.stringify({ id: `evt_${type}`, event: type, data })),
      receivedAt: "2026-01-02T03:04:05.000Z",
      deliveries: 1,
      subject: eventSubject(type),
      headers: []
    })
  }
  return { keys, isObject }
}

/** The result of a key function for the samples. */
export interface Keys {
  readonly keys: Readonly<Record<string, number>>
  /** Whether it returns objects or promises instead of texts. */
  readonly isObject: boolean
}
