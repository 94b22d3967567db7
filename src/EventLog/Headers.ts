import { DateTime } from "effect"
import type { MsgHdrs } from "nats"
import type { Entry } from "../EventLog.ts"

/**
 * The headers of a message in the log: the id for the broker's deduplication, CloudEvents 1.0 in binary
 * mode, and what is needed to check the signature again. `ce-time` is when we received the event: the
 * envelope names no time of its own.
 */
export const headersOf = (entry: Entry): ReadonlyArray<readonly [name: string, value: string]> => {
  const receivedAt = DateTime.formatIso(DateTime.makeUnsafe(entry.receivedAt))
  return [
    ["Nats-Msg-Id", entry.dedupId ?? entry.id],
    ["ce-specversion", "1.0"],
    ["ce-id", entry.id],
    ["ce-type", entry.type],
    ["ce-source", "https://api.3qpr.com"],
    ["ce-time", receivedAt],
    ["content-type", "application/json"],
    ["3qpr-received-at", receivedAt],
    ...optional("3qpr-signature", entry.signature),
    ...optional("3qpr-quarantined-as", entry.quarantinedAs),
    ...optional("3qpr-reconciled", entry.reconciledBy),
    ...optional("traceparent", entry.traceparent)
  ]
}

const optional = (
  name: string,
  value: string | number | undefined
): ReadonlyArray<readonly [string, string]> => value === undefined ? none : [[name, String(value)]]

const none: ReadonlyArray<readonly [string, string]> = []

/** A message's headers as they came; one that is repeated joined with commas. */
export const recordOf = (headers: MsgHdrs | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries([...headers ?? []].map(([name, values]) => [name, values.join(", ")]))
