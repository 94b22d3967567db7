import type { PGlite } from "@electric-sql/pglite"
import { Buffer } from "node:buffer"

/**
 * A message between a connection and Postgres: bytes of the wire protocol, or the end of the connection. The bytes
 * are no Uint8Array, because Deno takes 0.2 s to pass one of a megabyte between threads.
 */
export type Sent =
  | { readonly type: "bytes"; readonly connection: number; readonly bytes: ArrayBuffer }
  | { readonly type: "end"; readonly connection: number }

/**
 * Lets several connections share PGlite, which has only one session. They get the session one after the other, in
 * order of arrival, and each finds it reset. Pass what the connections send to `take`, in whole protocol messages,
 * and wait for each call to end. Replies go to `reply`.
 */
export const makeConnections = (db: PGlite, reply: (answer: Sent) => void) => {
  const waiting = new Map<number, Array<Uint8Array>>()
  let current: number | undefined
  let idle = true

  const answer = async (connection: number, request: Uint8Array) => {
    const chunks: Array<Uint8Array> = []
    // The chunks are views of memory that PGlite reuses.
    await db.execProtocolRawStream(request, { onRawData: (chunk) => void chunks.push(chunk.slice()) })
    const bytes = Buffer.concat(chunks)
    idle = bytes.subarray(-6).equals(readyForQuery)
    reply({ type: "bytes", connection, bytes: new Uint8Array(bytes).buffer })
  }

  const receive = async (connection: number, bytes: Uint8Array) => {
    // A running statement blocks everything else, so there is never one to cancel.
    if (isCancelRequest(bytes)) return reply({ type: "end", connection })
    current ??= connection
    if (connection === current) return answer(connection, bytes)
    waiting.set(connection, [...waiting.get(connection) ?? [], bytes])
  }

  const end = async (connection: number) => {
    waiting.delete(connection)
    if (connection !== current) return
    await resetSession(db)
    idle = true
    current = undefined
    const [next] = waiting
    if (next === undefined) return
    waiting.delete(next[0])
    for (const bytes of next[1]) await receive(next[0], bytes)
  }

  return {
    take: (sent: Sent) =>
      sent.type === "end" ? end(sent.connection) : receive(sent.connection, new Uint8Array(sent.bytes)),
    /** Whether no connection is in a transaction or in the middle of a result. */
    isIdle: () => idle
  }
}

const resetSession = async (db: PGlite) => {
  await db.execProtocolRaw(sync)
  await db.exec("rollback")
  await db.exec("discard all")
}

/** Ends a statement that the connection has sent only in part. */
const sync = new Uint8Array([0x53, 0, 0, 0, 4])

const isCancelRequest = (bytes: Uint8Array) =>
  bytes.length === 16 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(4) === 80_877_102

/** The message that ends a reply outside of a transaction. */
const readyForQuery = Buffer.from("Z\0\0\0\u0005I")
