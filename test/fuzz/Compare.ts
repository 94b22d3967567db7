import { connect } from "nats"
import { stream } from "../../src/EventLog/Names.ts"
import type { NatsProcess } from "../support/NatsProcess.ts"
import { hashOf, type Ledger } from "./Ledger.ts"

/**
 * Reads the whole stream. Reports entries without a valid signature, repeated ids, and accepted ids that are
 * missing.
 */
export const compare = async (
  broker: NatsProcess,
  ledger: Ledger,
  found: (kind: string, what: string) => void
) => {
  const connection = await connect({ servers: broker.url, token: broker.token })
  try {
    const { state } = await (await connection.jetstreamManager()).streams.info(stream)
    const ids = new Set<string>()
    // A quarantined body is deduplicated by its hash, but answered with the id of its event.
    const answered = new Set<string>()
    if (state.messages === 0) return 0
    const consumer = await connection.jetstream().consumers.get(stream)
    for await (const message of await consumer.consume()) {
      const id = message.headers?.get("Nats-Msg-Id") ?? ""
      if (message.subject !== "3qpr.quarantine.probe") {
        if (!ledger.authentic.has(hashOf(message.data))) {
          found("forged", `stored under ${id}, on ${message.subject}`)
        }
        if (ids.has(id)) found("twice", id)
        ids.add(id)
        answered.add(id).add(message.headers?.get("ce-id") ?? id)
      }
      if (message.info.pending === 0) break
    }
    for (const id of ledger.stored) if (!answered.has(id)) found("lost", id)
    return ids.size
  } finally {
    await connection.close()
  }
}
