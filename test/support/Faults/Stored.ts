import { connect } from "nats"
import type { NatsProcess } from "../NatsProcess.ts"

/** An entry of a stream as it lies there. */
export interface StoredEntry {
  readonly sequence: number
  readonly subject: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** Reads a whole stream with nothing but the NATS client; empty when there is none. */
export const readStream = async (broker: Pick<NatsProcess, "url" | "token">, stream: string) => {
  const connection = await connect({ servers: broker.url, token: broker.token, timeout: 20_000 })
  try {
    const manager = await connection.jetstreamManager({ checkAPI: false })
    const found = await manager.streams.info(stream).catch(() => undefined)
    const entries: Array<StoredEntry> = []
    if (found === undefined || found.state.messages === 0) return entries
    const consumer = await connection.jetstream().consumers.get(stream)
    const messages = await consumer.consume()
    for await (const message of messages) {
      entries.push({
        sequence: message.seq,
        subject: message.subject,
        headers: Object.fromEntries(
          [...message.headers ?? []].map(([name, values]) => [name, values.join(", ")])
        ),
        body: message.data
      })
      if (message.info.pending === 0) break
    }
    return entries
  } finally {
    await connection.close()
  }
}

/** The durable consumers that have not finished, with what they have left; those of `wanted` must be there. */
export const unfinished = async (
  broker: Pick<NatsProcess, "url" | "token">,
  stream: string,
  wanted: ReadonlyArray<string> = []
) => {
  const connection = await connect({ servers: broker.url, token: broker.token, timeout: 5_000 })
  try {
    const manager = await connection.jetstreamManager({ checkAPI: false })
    const all = await manager.consumers.list(stream).next()
    const left = wanted.filter((durable) => !all.some(({ name }) => name === durable)).map((durable) =>
      `${durable}: missing`
    )
    for (const { config, name, num_ack_pending, num_pending } of all) {
      if (config.durable_name === undefined || num_ack_pending + num_pending === 0) continue
      left.push(`${name}: ${num_pending} pending, ${num_ack_pending} in flight`)
    }
    return all.length === 0 ? ["no durable consumer yet"] : left
  } finally {
    await connection.close()
  }
}
