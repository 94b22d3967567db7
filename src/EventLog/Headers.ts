import type { MsgHdrs } from "nats"
import { Buffer } from "node:buffer"
import type { Entry } from "./EventLog.ts"

/**
 * The headers of a message in the log: the id for deduplication, CloudEvents 1.0 in binary mode, and the signature,
 * so that it can be checked again. `ce-time` is the time of receipt, because the envelope has no time.
 */
export const headersOf = (entry: Entry): ReadonlyArray<readonly [name: string, value: string]> => {
  const receivedAt = new Date(entry.receivedAt).toISOString()
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

/**
 * Encodes headers for the wire. The client's own encoder checks, copies and looks up each name several times. The
 * client only calls `encode` on the object that it is given.
 */
export const encode = (headers: ReadonlyArray<readonly [name: string, value: string]>): MsgHdrs => {
  let text = "NATS/1.0\r\n"
  for (const [name, value] of headers) {
    if (lineBreak.test(value)) throw new Error(`the header ${name} has a line break`)
    text += `${name}: ${value}\r\n`
  }
  const bytes = Buffer.from(`${text}\r\n`)
  return { encode: () => bytes } as unknown as MsgHdrs
}

const lineBreak = /[\r\n]/

/** A message's headers, unchanged. The values of a repeated header are joined with commas. */
export const recordOf = (headers: MsgHdrs | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries([...headers ?? []].map(([name, values]) => [name, values.join(", ")]))
