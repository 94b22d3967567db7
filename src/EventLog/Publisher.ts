import { createInbox, type Msg, type Subscription } from "nats"
import { Buffer } from "node:buffer"
import { AppendFailed, appendTimeout, type Stored } from "../EventLog.ts"
import { messageOf } from "../Failure.ts"
import type { Nats } from "../Nats.ts"
import { encode } from "./Headers.ts"

/** What is published: JetStream stores it and answers with a PubAck. */
export interface Publication {
  readonly subject: string
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: Uint8Array
}

/** Told once for each publication: it is stored, or why we have no proof of that. */
export type Settle = (outcome: Stored | AppendFailed) => void

interface Waiting {
  readonly publication: Publication
  readonly settle: Settle
  readonly deadline: number
}

/**
 * Publishes to one stream. What comes within one turn of the event loop goes to the broker in one write. All
 * PubAcks come back through one inbox subscription and find their publication by the last token of the reply
 * subject: a fifth of the CPU of a request each. Everything that waits is failed the moment the connection drops.
 */
export class Publisher {
  readonly #nats: Nats["Service"]
  readonly #stream: string
  readonly #inbox = createInbox()
  readonly #acks: Subscription
  readonly #waiting = new Map<number, Waiting>()
  readonly #sweep: ReturnType<typeof setInterval>
  #next = 0
  /** The first token that was not handed to the client yet. */
  #unsent = 0

  constructor(nats: Nats["Service"], stream: string) {
    this.#nats = nats
    this.#stream = stream
    this.#acks = nats.connection.subscribe(`${this.#inbox}.*`, { callback: (_, msg) => this.#ack(msg) })
    this.#sweep = setInterval(() => this.#expire(), 100)
  }

  /** Publications that wait for their PubAck. */
  get inFlight(): number {
    return this.#waiting.size
  }

  publish(publication: Publication, settle: Settle): void {
    if (!this.#nats.isConnected()) return settle(disconnected())
    if (this.#unsent === this.#next) setImmediate(this.#send)
    this.#waiting.set(this.#next++, { publication, settle, deadline: performance.now() + appendTimeout })
  }

  /** Fails all that waits; call it when the connection is lost. */
  disconnected(): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { settle } of waiting) settle(disconnected())
  }

  close(): void {
    clearInterval(this.#sweep)
    this.disconnected()
    if (!this.#nats.connection.isClosed()) this.#acks.unsubscribe()
  }

  // The client writes what it is given within one synchronous run at once.
  readonly #send = (): void => {
    for (; this.#unsent < this.#next; this.#unsent++) {
      const waiting = this.#waiting.get(this.#unsent)
      if (waiting === undefined) continue
      const { body, headers, subject } = waiting.publication
      try {
        this.#nats.connection.publish(subject, body, {
          headers: encode(headers),
          reply: `${this.#inbox}.${this.#unsent}`
        })
      } catch (error) {
        this.#waiting.delete(this.#unsent)
        waiting.settle(notPublished(error))
      }
    }
  }

  #ack(msg: Msg): void {
    const token = Number(msg.subject.slice(this.#inbox.length + 1))
    const waiting = this.#waiting.get(token)
    if (waiting === undefined) return
    this.#waiting.delete(token)
    waiting.settle(read(msg, this.#stream))
  }

  #expire(): void {
    const now = performance.now()
    for (const [token, { deadline, settle }] of this.#waiting) {
      if (deadline > now) continue
      this.#waiting.delete(token)
      settle(failed("timeout", `the broker did not acknowledge within ${appendTimeout} ms`))
    }
  }
}

const failed = (reason: AppendFailed["reason"], message: string) => new AppendFailed({ reason, message })

const disconnected = () => failed("disconnected", "the broker is not connected")

const notPublished = (error: unknown) => {
  const message = messageOf(error)
  return failed(message.includes("MAX_PAYLOAD") ? "too_large" : "refused", message)
}

const read = (msg: Msg, stream: string): Stored | AppendFailed => {
  // No stream takes this subject: the server itself answers, without a body.
  const { data } = msg
  if (data.length === 0) return failed("no_stream", `no stream takes the subject (${msg.headers?.code})`)
  let ack: PubAck
  try {
    ack = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.length).toString())
  } catch {
    return failed("refused", "the broker's answer is not a PubAck")
  }
  if (ack.error) return failed(reasonOf(ack.error.err_code), ack.error.description)
  if (ack.stream !== stream || !(ack.seq > 0)) {
    return failed("refused", `acknowledged by stream ${ack.stream}, not ${stream}`)
  }
  return { sequence: ack.seq, duplicate: ack.duplicate === true }
}

interface PubAck {
  readonly stream: string
  readonly seq: number
  readonly duplicate?: boolean
  readonly error?: { readonly err_code: number; readonly description: string }
}

// Storage, memory and account limits, and a stream at its own limit: nats-server's errors.json.
const full = new Set([10002, 10023, 10028, 10047, 10054, 10077, 10122])
const tooLarge = 10054

const reasonOf = (code: number): AppendFailed["reason"] =>
  code === tooLarge ? "too_large" : full.has(code) ? "full" : "refused"
