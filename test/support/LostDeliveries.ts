import { Buffer } from "node:buffer"
import type { Listener } from "./Proxy.ts"

/** Makes pulls of one connection look late: each ends with a time-out and without a message. */
export interface LostDeliveries {
  /** The number of further pulls that lose their messages. */
  pulls: number
  /** Removes lost messages from what the broker sends. */
  readonly change: (said: Buffer) => Buffer
  /** Learns the inboxes from what the client sends. */
  readonly listen: Listener
}

/** Loses the deliveries of a stream's consumers while `pulls` is above 0. */
export const lostDeliveries = (stream: string): LostDeliveries => {
  const inboxes = new Map<string, string>()
  const lost = new Set<string>()
  let held = Buffer.alloc(0)
  const expired = (subscription: string) => {
    if (lost.has(subscription)) return Buffer.alloc(0)
    lost.add(subscription)
    losing.pulls--
    const status = "NATS/1.0 408 Request Timeout\r\n\r\n"
    return Buffer.from(
      `HMSG ${inboxes.get(subscription)} ${subscription} ${status.length} ${status.length}\r\n${status}\r\n`
    )
  }
  const losing: LostDeliveries = {
    pulls: 0,
    listen: (piece, from) => {
      if (from === "server") return
      for (const [, inbox = "", id = ""] of piece.toString("latin1").matchAll(/SUB (\S+) (\d+)/g)) {
        inboxes.set(id, inbox)
      }
    },
    change: (said) => {
      held = Buffer.concat([held, said])
      const kept: Array<Buffer> = []
      for (let frame = frameOf(held); frame !== undefined; frame = frameOf(held)) {
        held = held.subarray(frame.bytes.length)
        const { bytes, reply, subscription } = frame
        const isDelivery = reply.startsWith(`$JS.ACK.${stream}.`)
        const isLost = isDelivery && (lost.has(subscription) || losing.pulls > 0)
        kept.push(isLost ? expired(subscription) : bytes)
      }
      return Buffer.concat(kept)
    }
  }
  return losing
}

/** The first complete frame of the client protocol; undefined while it is incomplete. */
const frameOf = (held: Buffer) => {
  const end = held.indexOf("\r\n")
  if (end < 0) return undefined
  const [verb = "", , subscription = "", ...rest] = held.subarray(0, end).toString().split(" ")
  const isMessage = verb === "MSG" || verb === "HMSG"
  const length = isMessage ? end + 2 + Number(rest.at(-1)) + 2 : end + 2
  if (held.length < length) return undefined
  const sizes = verb === "HMSG" ? 2 : 1
  return {
    bytes: held.subarray(0, length),
    subscription,
    reply: isMessage && rest.length > sizes ? rest[0] ?? "" : ""
  }
}
