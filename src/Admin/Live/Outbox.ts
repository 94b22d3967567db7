import { Effect } from "effect"
import { Sse } from "effect/encoding"
import { Buffer } from "node:buffer"
import type { Skipped } from "../Api/Live.ts"

/** A message in the form in which every client receives it. */
export interface Framed {
  readonly sequence: number
  readonly bytes: Uint8Array
}

/** A comment of the SSE format, so that the response begins at once. */
export const opening: Uint8Array = Buffer.from(": \n\n")

/**
 * The reconnection delay, in milliseconds. It is sent last, because Effect's client treats this line as the end of
 * the stream.
 */
export const closing: Uint8Array = Buffer.from("retry: 1000\n\n")

/** Encodes a server-sent event. */
export const framed = (event: string, data: object, id?: number | string): Uint8Array =>
  Buffer.from(Sse.encoder.write({ _tag: "Event", id: id?.toString(), event, data: JSON.stringify(data) }))

/** Limits of the entries that wait for one client. All clients share the bytes of an entry. */
export const mostEntries = 4_000
export const mostBytes = 2 * 1024 * 1024

/** Maximum number of bytes that one `take` returns; a single larger message is returned whole. */
const chunkBytes = 64 * 1024

/** A bounded queue of the messages for one client: the newest status and the newest entries. */
export class Outbox {
  readonly #entries: Array<Framed> = []
  #bytes = 0
  #skipped: Skipped | undefined
  #status: Uint8Array | undefined
  #cursor: number | undefined
  #waitingSince = 0
  #wake: () => void = () => undefined

  /** `cursor`: the sequence after which the client begins; undefined while that is unknown. */
  constructor(cursor: number | undefined) {
    this.#cursor = cursor
  }

  get hasEntries(): boolean {
    return this.#entries.length > 0
  }

  /** How long the content has waited for its client, in milliseconds. */
  get waiting(): number {
    return this.#isEmpty ? 0 : performance.now() - this.#waitingSince
  }

  /** Sets where a client begins that gave no sequence, or an impossible one. */
  begin(cursor: number): void {
    this.#cursor = cursor
  }

  status(text: Uint8Array): void {
    this.#wait()
    this.#status = text
    this.#wake()
  }

  /** Wakes the fiber that waits for `news`. */
  nudge(): void {
    this.#wake()
  }

  /** Adds an entry. When the queue is full, the oldest entries are dropped. */
  entry(entry: Framed): void {
    this.#wait()
    this.#entries.push(entry)
    this.#bytes += entry.bytes.length
    while (this.#entries.length > 1 && (this.#entries.length > mostEntries || this.#bytes > mostBytes)) {
      const dropped = this.#shift()
      if (dropped === undefined) break
      this.#skipped = {
        after: this.#skipped?.after ?? this.#cursor ?? 0,
        up_to: dropped.sequence,
        count: (this.#skipped?.count ?? 0) + 1
      }
    }
    this.#wake()
  }

  /** Succeeds when `take` has something to return. */
  readonly news = Effect.callback<void>((resume) => {
    const wake = () => resume(Effect.void)
    this.#wake = wake
    if (!this.#isEmpty) wake()
    return Effect.sync(() => {
      if (this.#wake === wake) this.#wake = () => undefined
    })
  })

  /** The next bytes to send; undefined when the queue is empty. */
  take(): Uint8Array | undefined {
    this.#waitingSince = performance.now()
    if (this.#isEmpty) return undefined
    const parts: Array<Uint8Array> = []
    if (this.#skipped !== undefined) {
      parts.push(framed("skipped", this.#skipped))
      this.#cursor = this.#skipped.up_to
    }
    for (let size = 0; size < chunkBytes;) {
      const entry = this.#shift()
      if (entry === undefined) break
      parts.push(entry.bytes)
      this.#cursor = entry.sequence
      size += entry.bytes.length
    }
    if (this.#status !== undefined) {
      if (this.#cursor !== undefined) parts.push(Buffer.from(`id: ${this.#cursor}\n`))
      parts.push(this.#status)
    }
    this.#skipped = undefined
    this.#status = undefined
    return Buffer.concat(parts)
  }

  #wait(): void {
    if (this.#isEmpty) this.#waitingSince = performance.now()
  }

  get #isEmpty(): boolean {
    return this.#entries.length === 0 && this.#status === undefined
  }

  #shift(): Framed | undefined {
    const entry = this.#entries.shift()
    this.#bytes -= entry?.bytes.length ?? 0
    return entry
  }
}
