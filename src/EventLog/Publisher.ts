import { Effect } from "effect"
import { ErrorCode, type Msg, NatsError, type Subscription } from "nats"
import { Buffer } from "node:buffer"
import { JetStreamCode } from "../Nats/JetStreamCode.ts"
import { Nats } from "../Nats/Nats.ts"
import { messageOf } from "../Process/Failure.ts"
import { SlotMap } from "../Process/SlotMap.ts"
import { AppendFailed, appendTimeout, type Stored } from "./EventLog.ts"
import { encode } from "./Headers.ts"

/** A message to publish. JetStream stores it and replies with a PubAck. */
export interface Publication {
  readonly subject: string
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: Uint8Array
}

/** Called once for each publication, with the stored sequence or the reason why storage is not proven. */
type Settle = (outcome: Stored | AppendFailed) => void

/** Publishes a message and waits until the stream acknowledges it. */
export type Publish = (publication: Publication) => Effect.Effect<Stored, AppendFailed>

/** Publishes to one stream until the scope ends. `observe` receives each outcome before the waiting fiber does. */
export const makePublisher = Effect.fnUntraced(function*(stream: string, observe: Settle = () => undefined) {
  const nats = yield* Nats
  const publisher = yield* Effect.acquireRelease(
    Effect.sync(() => new Publisher(nats, stream)),
    (publisher) => Effect.sync(() => publisher.close())
  )
  yield* nats.onChange((connected) => connected || publisher.disconnected())
  const publish: Publish = (publication) =>
    Effect.callback((resume) =>
      publisher.publish(publication, (outcome) => {
        observe(outcome)
        resume(outcome instanceof AppendFailed ? Effect.fail(outcome) : Effect.succeed(outcome))
      })
    )
  return publish
})

interface Waiting {
  /** Last token of the reply subject: the slot and a number that is never used again. */
  token: string
  place: number
  readonly publication: Publication
  readonly settle: Settle
  readonly deadline: number
}

/**
 * Publishes to one stream. The messages of one event loop turn go to the broker in one write. One inbox subscription
 * receives all PubAcks; the last token of the reply subject identifies the publication. This takes a fifth of the CPU
 * time of one request per message. All pending publications fail when the connection is lost.
 */
class Publisher {
  readonly #nats: Nats["Service"]
  readonly #stream: string
  readonly #inbox: string
  readonly #acks: Subscription
  readonly #waiting = new SlotMap<Waiting>()
  readonly #sweep: ReturnType<typeof setInterval>
  #published = 0
  /** Publications that have not been passed to the client yet. */
  #unsent: Array<Waiting> = []

  constructor(nats: Nats["Service"], stream: string) {
    this.#nats = nats
    this.#stream = stream
    this.#inbox = nats.newInbox()
    this.#acks = nats.connection.subscribe(`${this.#inbox}.*`, { callback: (_, msg) => this.#ack(msg) })
    this.#sweep = setInterval(() => this.#expire(), 100)
  }

  publish(publication: Publication, settle: Settle): void {
    if (!this.#nats.isConnected()) return settle(disconnected())
    const deadline = performance.now() + appendTimeout
    const waiting: Waiting = { token: "", place: 0, publication, settle, deadline }
    waiting.place = this.#waiting.add(waiting)
    waiting.token = `${waiting.place}_${this.#published++}`
    if (this.#unsent.push(waiting) === 1) setImmediate(this.#send)
  }

  /** Fails all pending publications. Call it when the connection is lost. */
  disconnected(): void {
    for (const waiting of this.#waiting.values()) this.#settle(waiting, disconnected())
  }

  close(): void {
    clearInterval(this.#sweep)
    this.disconnected()
    if (!this.#nats.connection.isClosed()) this.#acks.unsubscribe()
  }

  // The client sends the messages of one synchronous run in one write.
  readonly #send = (): void => {
    const unsent = this.#unsent
    this.#unsent = []
    for (const waiting of unsent) {
      if (this.#waiting.at(waiting.place) !== waiting) continue
      const { body, headers, subject } = waiting.publication
      try {
        this.#nats.connection.publish(subject, body, {
          headers: encode(headers),
          reply: `${this.#inbox}.${waiting.token}`
        })
      } catch (error) {
        this.#settle(waiting, notPublished(error))
      }
    }
  }

  #ack(msg: Msg): void {
    const token = msg.subject.slice(this.#inbox.length + 1)
    const waiting = this.#waiting.at(Number.parseInt(token, 10))
    if (waiting?.token === token) this.#settle(waiting, read(msg, this.#stream))
  }

  #expire(): void {
    const now = performance.now()
    for (const waiting of this.#waiting.values()) {
      if (waiting.deadline > now) continue
      this.#settle(waiting, failed("timeout", `the broker did not acknowledge within ${appendTimeout} ms`))
    }
  }

  #settle(waiting: Waiting, outcome: Stored | AppendFailed): void {
    if (this.#waiting.delete(waiting.place, waiting)) waiting.settle(outcome)
  }
}

const failed = (reason: AppendFailed["reason"], message: string) => new AppendFailed({ reason, message })

const disconnected = () => failed("disconnected", "the broker is not connected")

const notPublished = (error: unknown) =>
  failed(
    error instanceof NatsError && error.code === ErrorCode.MaxPayloadExceeded ? "too_large" : "refused",
    messageOf(error)
  )

const read = (msg: Msg, stream: string): Stored | AppendFailed => {
  // If no stream covers the subject, the server itself replies with an empty body.
  const { data } = msg
  if (data.length === 0) return failed("no_stream", `no stream accepts the subject (${msg.headers?.code})`)
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

/** Error codes for exceeded limits of the storage, the memory, the account or the stream. */
const full: ReadonlySet<number> = new Set([
  JetStreamCode.accountResourcesExceeded,
  JetStreamCode.insufficientResources,
  JetStreamCode.memoryExceeded,
  JetStreamCode.storageExceeded,
  JetStreamCode.storeFailed,
  JetStreamCode.maxStreamBytesExceeded
])

const reasonOf = (code: number): AppendFailed["reason"] =>
  code === JetStreamCode.messageTooLarge ? "too_large" : full.has(code) ? "full" : "refused"
