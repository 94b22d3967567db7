import { Effect } from "effect"
import { type Msg, nanos, type Subscription } from "nats"
import { type Message, messageOf, requestMessages } from "../Nats/Message.ts"
import type { Nats } from "../Nats/Nats.ts"

/** Maximum size of the waiting messages, and of the messages that are taken at once, in bytes. */
const capacityBytes = 32 * 1024 * 1024
const maxTakenBytes = 8 * 1024 * 1024

/** Minimum capacity, however slowly messages are handled. */
const leastCapacity = 100

/** Time after which a pull request expires on the broker, in milliseconds. */
const expires = 10_000

export interface PullOptions {
  readonly stream: string
  readonly durable: string
  /** Maximum number of messages that wait here without an acknowledgement. The broker sends no more than these. */
  readonly capacity: number
  /**
   * How long messages may wait here before the broker delivers them again, in milliseconds. While they wait longer
   * than half of it, fewer are requested.
   */
  readonly ackWait: number
  /**
   * Shortest time between two batches that are not full, in milliseconds. The first event after a pause does not wait.
   * When undefined, no event waits.
   */
  readonly gather?: number | undefined
  /**
   * Interval at which the consumer reports to the broker that unacknowledged messages are in progress, in
   * milliseconds. The broker then delivers them to no other instance. Never when undefined.
   */
  readonly hold?: number | undefined
  /**
   * Called when the durable consumer is missing: the broker reports it, or does not even report that a request has
   * expired. The latter was seen of nats-server 2.9.10 after a deletion. Called again while it is missing.
   */
  readonly onMissing: () => void
}

interface Waiting {
  readonly max: number
  readonly resume: (messages: ReadonlyArray<Message>) => void
}

/**
 * Keeps a queue of messages filled from a durable pull consumer, so that fetching continues while a batch is handled.
 * It has one pull request at a time. A lost request is sent again after it must have expired.
 */
export class Pull {
  readonly #nats: Nats["Service"]
  readonly #options: PullOptions
  readonly #inbox: string
  readonly #subscription: Subscription
  readonly #watch: ReturnType<typeof setInterval>
  #queue: Array<Message> = []
  /**
   * When the broker stored the queued messages, by sequence. A stream that was created again uses the same sequences
   * again.
   */
  readonly #queued = new Map<number, number>()
  #capacity: number
  #queuedBytes = 0
  #requested = 0
  #overdue = 0
  #isDraining = false
  #waiting: ReadonlyArray<Waiting> = []
  #takenAt = -Infinity
  #gathering: ReturnType<typeof setTimeout> | undefined
  readonly #held = new Set<Message>()
  #heldAt = 0

  constructor(nats: Nats["Service"], options: PullOptions) {
    this.#nats = nats
    this.#options = options
    this.#capacity = options.capacity
    this.#inbox = nats.newInbox()
    this.#subscription = nats.connection.subscribe(this.#inbox, {
      callback: (_, msg) => this.#receive(msg)
    })
    this.#watch = setInterval(() => this.#look(), 1_000)
    this.#request()
  }

  /** Takes the next messages in the order of arrival: at least one, at most `max`, and about 8 MiB. */
  take(max: number): Effect.Effect<ReadonlyArray<Message>> {
    return Effect.callback((resume) => {
      const waiting: Waiting = { max, resume: (messages) => resume(Effect.succeed(messages)) }
      this.#waiting = [...this.#waiting, waiting]
      this.#hand()
      return Effect.sync(() => void (this.#waiting = this.#waiting.filter((other) => other !== waiting)))
    })
  }

  /** Sends a new request, because the broker has lost the pending one. */
  restart(): void {
    this.#requested = 0
    this.#request()
  }

  /** Stops requesting and waits for messages in transit. No other instance would get them for a while. */
  async drain(): Promise<void> {
    clearInterval(this.#watch)
    clearTimeout(this.#gathering)
    this.#isDraining = true
    if (this.#nats.isConnected() && !this.#nats.connection.isClosed()) await this.#subscription.drain()
  }

  /** Stops and returns the unhandled messages, which go back to the broker. */
  close(): ReadonlyArray<Message> {
    clearInterval(this.#watch)
    if (!this.#nats.connection.isClosed()) this.#subscription.unsubscribe()
    return this.#queue.splice(0)
  }

  /** Hands messages to those that wait for them. */
  #hand(): void {
    const [first, ...others] = this.#waiting
    if (first === undefined || this.#queue.length === 0) return
    const isFull = this.#queue.length >= first.max || this.#queuedBytes > maxTakenBytes
    const wait = isFull ? 0 : this.#takenAt + (this.#options.gather ?? 0) - performance.now()
    if (wait > 0) {
      this.#gathering ??= setTimeout(() => {
        this.#gathering = undefined
        this.#hand()
      }, wait)
      return
    }
    this.#waiting = others
    this.#takenAt = performance.now()
    first.resume(this.#take(first.max))
    this.#hand()
  }

  #take(max: number): ReadonlyArray<Message> {
    const messages = this.#queue.splice(0, this.#countWithin(max))
    for (const { msg, sequence } of messages) {
      this.#queuedBytes -= msg.data.length
      this.#queued.delete(sequence)
    }
    this.#adapt(messages)
    this.#request()
    return messages
  }

  #look(): void {
    this.#keepHeld()
    if (this.#requested > 0 && performance.now() > this.#overdue) {
      this.#requested = 0
      if (this.#nats.isConnected()) this.#options.onMissing()
    }
    this.#request()
  }

  #keepHeld(): void {
    const { hold } = this.#options
    if (hold === undefined || performance.now() < this.#heldAt + hold || !this.#nats.isConnected()) return
    this.#heldAt = performance.now()
    for (const message of this.#held) message.working()
  }

  /**
   * Adapts the capacity to the time that messages wait. A message that waits too long is delivered again and adds
   * load.
   */
  #adapt([first]: ReadonlyArray<Message>): void {
    const { ackWait, capacity, hold } = this.#options
    if (first === undefined || hold !== undefined) return
    const waited = performance.now() - first.cameAt
    if (waited > ackWait / 2) {
      this.#capacity = Math.max(Math.min(capacity, leastCapacity), Math.floor(this.#capacity / 2))
    } else if (waited < ackWait / 8) this.#capacity = Math.min(capacity, this.#capacity * 2)
  }

  #countWithin(max: number): number {
    let bytes = 0
    const count = this.#queue.findIndex(({ msg }, index) =>
      index === max || ((bytes += msg.data.length) > maxTakenBytes && index > 0)
    )
    return count < 0 ? this.#queue.length : count
  }

  #request(): void {
    const { durable, stream } = this.#options
    const capacity = this.#capacity
    // While disconnected, the client would buffer requests. Each would deliver messages after the reconnect.
    if (
      this.#isDraining || this.#requested > 0 || !this.#nats.isConnected() || this.#nats.connection.isClosed()
    ) return
    if (this.#queue.length > capacity / 2 || this.#queuedBytes > capacityBytes / 2) return
    this.#requested = capacity - this.#queue.length
    this.#overdue = performance.now() + expires + 2_000
    requestMessages(this.#nats.connection, `${stream}.${durable}`, this.#inbox, {
      batch: this.#requested,
      max_bytes: capacityBytes - this.#queuedBytes,
      expires: nanos(expires)
    })
  }

  #receive(msg: Msg): void {
    if (msg.subject === this.#inbox) return this.#ended(msg)
    const { hold } = this.#options
    const message = messageOf(msg, hold === undefined ? undefined : (message) => this.#held.delete(message))
    if (message === undefined) return
    this.#requested--
    // The message was delivered again while it waits here. It is handled once, and either answer counts for both.
    if (this.#queued.get(message.sequence) === message.storedAt) return this.#request()
    if (hold !== undefined) this.#held.add(message)
    this.#queue.push(message)
    this.#queued.set(message.sequence, message.storedAt)
    this.#queuedBytes += msg.data.length
    this.#request()
    this.#hand()
  }

  // A status message: the request delivers no more messages.
  #ended(msg: Msg): void {
    const code = msg.headers?.code
    const description = msg.headers?.description.toLowerCase() ?? ""
    if (code === 100) return
    if (code === 503 || (code === 409 && description.includes("deleted"))) return this.#options.onMissing()
    // Too many requests or messages are pending. The next check sends a new request.
    if (code === 409 && !description.includes("maxbytes")) return void (this.#requested = 0)
    this.restart()
  }
}
