import { Effect } from "effect"
import { Sse } from "effect/encoding"
import { Buffer } from "node:buffer"
import type { Skipped } from "../Api/Live.ts"

/** A message as it is sent to every client that gets it. */
export interface Framed {
  readonly sequence: number
  readonly bytes: Uint8Array
}

/** A server-sent event. */
export const framed = (event: string, data: object, id?: number): Uint8Array =>
  Buffer.from(Sse.encoder.write({ _tag: "Event", id: id?.toString(), event, data: JSON.stringify(data) }))

/** The most that waits for one client; all clients share the bytes of an entry. */
export const mostEntries = 4_000
export const mostBytes = 2 * 1024 * 1024

/** The most that is handed out in one go, in bytes; one message is handed out however large it is. */
const chunkBytes = 64 * 1024

/** What is sent to one client next, within bounds: of the status the newest, of entries the newest ones. */
export class Outbox {
  readonly #entries: Array<Framed> = []
  #bytes = 0
  #skipped: Skipped | undefined
  #status: Uint8Array | undefined
  #cursor: number | undefined
  #waitingSince = 0
  #wake: () => void = () => undefined

  /** Behind the sequence `cursor`; undefined as long as that is not known. */
  constructor(cursor: number | undefined) {
    this.#cursor = cursor
  }

  get hasEntries(): boolean {
    return this.#entries.length > 0
  }

  /** How long the content has been waiting for its client, in milliseconds. */
  get waiting(): number {
    return this.#isEmpty ? 0 : performance.now() - this.#waitingSince
  }

  /** Where the client begins, when it did not say, or said what cannot be. */
  begin(cursor: number): void {
    this.#cursor = cursor
  }

  status(text: Uint8Array): void {
    this.#wait()
    this.#status = text
    this.#wake()
  }

  /** Lets the one who waits for news look again. */
  nudge(): void {
    this.#wake()
  }

  /** When there is no room for an entry, the oldest make some. */
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

  /** Succeeds when there is something to take. */
  readonly news = Effect.callback<void>((resume) => {
    const wake = () => resume(Effect.void)
    this.#wake = wake
    if (!this.#isEmpty) wake()
    return Effect.sync(() => {
      if (this.#wake === wake) this.#wake = () => undefined
    })
  })

  /** What is to be sent now; undefined when there is nothing. */
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
