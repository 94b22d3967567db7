import { type Msg, nanos, type NatsConnection, type PullOptions } from "nats"

/**
 * Requests the next messages of a pull consumer, `<stream>.<consumer>`. The inbox receives them, and a status message
 * that ends the request.
 */
export const requestMessages = (
  connection: NatsConnection,
  consumer: string,
  inbox: string,
  request: Partial<PullOptions>
): void =>
  connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${consumer}`, JSON.stringify(request), { reply: inbox })

/** A message that a pull consumer delivered, with the possible replies. */
export class Message {
  readonly msg: Msg
  /** Sequence of the message in the stream. */
  readonly sequence: number
  /** 1 for the first delivery that the broker counted. */
  readonly deliveries: number
  /** Number among the consumer's deliveries, starting at 1. */
  readonly order: number
  /** When the broker stored the message, in milliseconds since the epoch. */
  readonly storedAt: number
  /** When the message was received, in milliseconds of the monotonic clock. */
  readonly cameAt = performance.now()
  readonly #settled: ((message: Message) => void) | undefined

  constructor(
    msg: Msg,
    place: Pick<Message, "sequence" | "deliveries" | "order" | "storedAt">,
    settled: ((message: Message) => void) | undefined
  ) {
    this.msg = msg
    this.sequence = place.sequence
    this.deliveries = place.deliveries
    this.order = place.order
    this.storedAt = place.storedAt
    this.#settled = settled
  }

  ack(): void {
    this.#end("+ACK")
  }

  /** Requests a redelivery after at least `delay` milliseconds. */
  nak(delay: number): void {
    this.#end(`-NAK ${JSON.stringify({ delay: nanos(delay) })}`)
  }

  /** Prevents every further delivery. */
  term(): void {
    this.#end("+TERM")
  }

  /** Restarts the time to acknowledge, so that the message is not redelivered yet. */
  working(): void {
    this.msg.respond("+WPI")
  }

  #end(answer: string): void {
    this.#settled?.(this)
    this.msg.respond(answer)
  }
}

/**
 * Parses the metadata in a delivery's reply subject. NATS ADR-15: `$JS.ACK.<stream>.<consumer>.<delivered>.<stream
 * sequence>.<consumer sequence>.<nanoseconds>.<pending>`. The newer form adds domain and account before the stream,
 * and a token at the end. `settled` is called when a reply ends the delivery.
 */
export const messageOf = (msg: Msg, settled?: (message: Message) => void): Message | undefined => {
  const tokens = msg.reply?.split(".") ?? []
  const at = tokens.length === 9 ? 4 : 6
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK" || tokens.length < at + 5) return undefined
  const place = {
    deliveries: Number(tokens[at]),
    sequence: Number(tokens[at + 1]),
    order: Number(tokens[at + 2]),
    storedAt: Number(tokens[at + 3]) / 1e6
  }
  return new Message(msg, place, settled)
}
