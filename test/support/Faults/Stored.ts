import {
  AckPolicy,
  connect,
  DeliverPolicy,
  type JetStreamManager,
  type JsMsg,
  type MsgHdrs,
  nanos,
  type NatsConnection,
  NatsError,
  type StoredMsg
} from "nats"
import type { NatsProcess } from "../NatsProcess.ts"

/** An entry as the stream stores it. */
export interface StoredEntry {
  readonly sequence: number
  readonly subject: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/**
 * Reads a whole stream after sequence `after`, with only the NATS client. Empty when there is no stream. An
 * in-memory consumer runs on any server of a cluster and delivers only what that server has. The stream's leader
 * supplies the rest.
 */
export const readStream = async (
  broker: Pick<NatsProcess, "url" | "token">,
  stream: string,
  after = 0
): Promise<ReadonlyArray<StoredEntry>> => {
  const connection = await connect({ servers: broker.url, token: broker.token, timeout: 20_000 })
  try {
    const manager = await connection.jetstreamManager({ checkAPI: false })
    const found = await manager.streams.info(stream).catch(unless(noStream))
    if (found === undefined || found.state.messages === 0) return []
    const { first_seq, last_seq } = found.state
    const from = Math.max(first_seq, after + 1)
    const entries = new Map<number, StoredEntry>()
    const keep = (entry: StoredEntry) => entry.sequence >= from && entries.set(entry.sequence, entry)
    for await (const message of consumed(connection, manager, stream, from)) keep(entryOf(message))
    const gaps = Array.from({ length: last_seq - from + 1 }, (_, index) => from + index)
      .filter((sequence) => !entries.has(sequence))
    for (let at = 0; at < gaps.length; at += 128) {
      await Promise.all(
        gaps.slice(at, at + 128).map(async (seq) => {
          const message = await manager.streams.getMessage(stream, { seq }).catch(unless(noMessage))
          if (message !== undefined) keep(storedOf(message))
        })
      )
    }
    return [...entries.values()].toSorted((a, b) => a.sequence - b.sequence)
  } finally {
    await connection.close()
  }
}

/** Whether a stream still has an entry at its sequence. */
export const holds = async (
  broker: Pick<NatsProcess, "url" | "token">,
  stream: string,
  { headers, sequence }: StoredEntry
) => {
  const connection = await connect({ servers: broker.url, token: broker.token, timeout: 20_000 })
  try {
    const manager = await connection.jetstreamManager({ checkAPI: false })
    const found = await manager.streams.getMessage(stream, { seq: sequence }).catch(unless(noMessage))
    return found !== undefined && storedOf(found).headers["ce-id"] === headers["ce-id"]
  } finally {
    await connection.close()
  }
}

const noStream = 10059
const noMessage = 10037

const unless = (code: number) => (error: unknown): undefined => {
  if (!(error instanceof NatsError && error.api_error?.err_code === code)) throw error
}

/** The entries that one server has, from a sequence on. */
async function* consumed(
  connection: NatsConnection,
  manager: JetStreamManager,
  stream: string,
  from: number
): AsyncGenerator<JsMsg> {
  const { name, num_pending } = await manager.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: from,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: nanos(60_000)
  })
  const consumer = await connection.jetstream().consumers.get(stream, name)
  for (let left = num_pending; left > 0;) {
    const before = left
    for await (
      const message of await consumer.fetch({ max_messages: Math.min(left, 5_000), expires: 2_000 })
    ) {
      left--
      yield message
    }
    if (left === before) return
  }
}

const entryOf = ({ data, headers, seq, subject }: JsMsg): StoredEntry => ({
  sequence: seq,
  subject,
  headers: recordOf(headers),
  body: data
})

const storedOf = ({ data, header, seq, subject }: StoredMsg): StoredEntry => ({
  sequence: seq,
  subject,
  headers: recordOf(header),
  body: data
})

const recordOf = (headers: MsgHdrs | undefined) =>
  Object.fromEntries([...headers ?? []].map(([name, values]) => [name, values.join(", ")]))

/**
 * The durable consumers with remaining work, and how much remains. A consumer of `wanted` that does not exist is
 * listed too.
 */
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

/** The sequence up to which each durable consumer has finished all entries. */
export const positions = async (broker: Pick<NatsProcess, "url" | "token">) => {
  const connection = await connect({ servers: broker.url, token: broker.token, timeout: 5_000 })
  try {
    const manager = await connection.jetstreamManager({ checkAPI: false })
    const { state } = await manager.streams.info("3QPR_EVENTS")
    const all = await manager.consumers.list("3QPR_EVENTS").next()
    return new Map(all.map(({ ack_floor, name, num_ack_pending, num_pending }) => [
      name,
      num_ack_pending + num_pending === 0 ? state.last_seq : Math.min(state.last_seq, ack_floor.stream_seq)
    ]))
  } finally {
    await connection.close()
  }
}
