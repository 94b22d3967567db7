import { Effect } from "effect"
import { type Msg, nanos, type Subscription } from "nats"
import { type Message, messageOf } from "../Nats/Message.ts"
import type { Nats } from "../Nats/Nats.ts"

/** The most that waits here, and the most that is taken at a time, in bytes. */
const capacityBytes = 32 * 1024 * 1024
const maxTakenBytes = 8 * 1024 * 1024

/** So many messages may wait here however slowly they are handled. */
const leastCapacity = 100

/** A pull request lives this long on the broker, in milliseconds. */
const expires = 10_000

export interface PullOptions {
  readonly stream: string
  readonly durable: string
  /** The most messages that wait here without an acknowledgement. The broker sends at most these. */
  readonly capacity: number
  /**
   * How long messages may wait here, in milliseconds: then the broker delivers them again. While they wait longer than
   * half of it, fewer are asked for.
   */
  readonly ackWait: number
  /**
   * How often the broker learns that unanswered events are in progress, in milliseconds. It then delivers them
   * to no other instance. Never when undefined.
   */
  readonly hold?: number | undefined
  /**
   * The durable consumer is gone: the broker says so, or has not even said that a request has expired, as
   * was seen of nats-server 2.9.10 after one was deleted. Called again as long as it is so.
   */
  readonly onMissing: () => void
}

/**
 * Keeps a queue of messages filled from a durable pull consumer, so that fetching continues while a batch
 * is handled. One pull request at a time; a lost one is made again after it must have expired.
 */
export class Pull {
  readonly #nats: Nats["Service"]
  readonly #options: PullOptions
  readonly #inbox: string
  readonly #subscription: Subscription
  readonly #watch: ReturnType<typeof setInterval>
  #queue: Array<Message> = []
  /** When the broker stored what is in the queue, by sequence: in a stream that is created again sequences begin again. */
  readonly #queued = new Map<number, number>()
  #capacity: number
  #queuedBytes = 0
  #requested = 0
  #overdue = 0
  #isDraining = false
  #waiting: ReadonlyArray<() => void> = []
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

  /** The next messages, at least one, at most `max` and some 8 MiB, in the order in which they came. */
  take(max: number): Effect.Effect<ReadonlyArray<Message>> {
    return Effect.callback((resume) => {
      const taken = () => {
        const messages = this.#queue.splice(0, this.#countWithin(max))
        for (const { msg, sequence } of messages) {
          this.#queuedBytes -= msg.data.length
          this.#queued.delete(sequence)
        }
        this.#adapt(messages)
        this.#request()
        resume(Effect.succeed(messages))
      }
      if (this.#queue.length > 0) return taken()
      this.#waiting = [...this.#waiting, taken]
      return Effect.sync(() => void (this.#waiting = this.#waiting.filter((waiting) => waiting !== taken)))
    })
  }

  /** Asks again: the broker has forgotten the request that we wait for. */
  restart(): void {
    this.#requested = 0
    this.#request()
  }

  /** Requests no more, and waits for messages on their way: no other instance would get them for a while. */
  async drain(): Promise<void> {
    clearInterval(this.#watch)
    this.#isDraining = true
    if (this.#nats.isConnected() && !this.#nats.connection.isClosed()) await this.#subscription.drain()
  }

  /** Stops, and gives unhandled messages back for another instance. */
  close(): ReadonlyArray<Message> {
    clearInterval(this.#watch)
    if (!this.#nats.connection.isClosed()) this.#subscription.unsubscribe()
    return this.#queue.splice(0)
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

  /** A message that waits too long is delivered again, here or elsewhere, and makes more work of too much work. */
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
    // The client would keep requests for later, and each would bring its share when the broker is back.
    if (
      this.#isDraining || this.#requested > 0 || !this.#nats.isConnected() || this.#nats.connection.isClosed()
    ) return
    if (this.#queue.length > capacity / 2 || this.#queuedBytes > capacityBytes / 2) return
    this.#requested = capacity - this.#queue.length
    this.#overdue = performance.now() + expires + 2_000
    this.#nats.connection.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
      JSON.stringify({
        batch: this.#requested,
        max_bytes: capacityBytes - this.#queuedBytes,
        expires: nanos(expires)
      }),
      { reply: this.#inbox }
    )
  }

  #receive(msg: Msg): void {
    if (msg.subject === this.#inbox) return this.#ended(msg)
    const { hold } = this.#options
    const message = messageOf(msg, hold === undefined ? undefined : (message) => this.#held.delete(message))
    if (message === undefined) return
    this.#requested--
    // It was delivered again while it waits here. It is handled once, and either answer counts for both.
    if (this.#queued.get(message.sequence) === message.storedAt) return this.#request()
    if (hold !== undefined) this.#held.add(message)
    this.#queue.push(message)
    this.#queued.set(message.sequence, message.storedAt)
    this.#queuedBytes += msg.data.length
    this.#request()
    const [first, ...others] = this.#waiting
    this.#waiting = others
    first?.()
  }

  // A status message: this request brings nothing more.
  #ended(msg: Msg): void {
    const code = msg.headers?.code
    const description = msg.headers?.description.toLowerCase() ?? ""
    if (code === 100) return
    if (code === 503 || (code === 409 && description.includes("deleted"))) return this.#options.onMissing()
    // Too many requests or messages pending: asked again at the next look.
    if (code === 409 && !description.includes("maxbytes")) return void (this.#requested = 0)
    this.restart()
  }
}
