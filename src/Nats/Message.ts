import { type Msg, nanos } from "nats"

/** A message that a pull consumer delivered, and the answers it can be given. */
export class Message {
  readonly msg: Msg
  /** Its place in the stream. */
  readonly sequence: number
  /** 1 for the first delivery that the broker counted. */
  readonly deliveries: number
  /** Its number among the consumer's deliveries, from 1. */
  readonly order: number
  /** When the broker stored it, milliseconds since the epoch. */
  readonly storedAt: number
  /** When it came, in milliseconds of the monotonic clock. */
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

  /** Deliver again, not before this many milliseconds. */
  nak(delay: number): void {
    this.#end(`-NAK ${JSON.stringify({ delay: nanos(delay) })}`)
  }

  /** Never deliver again. */
  term(): void {
    this.#end("+TERM")
  }

  /** Do not deliver to another yet: the time to acknowledge begins again. */
  working(): void {
    this.msg.respond("+WPI")
  }

  #end(answer: string): void {
    this.#settled?.(this)
    this.msg.respond(answer)
  }
}

/**
 * Reads a delivery's place from its reply subject. NATS ADR-15: `$JS.ACK.<stream>.<consumer>.<delivered>.
 * <stream sequence>.<consumer sequence>.<nanoseconds>.<pending>`, with domain and account before the
 * stream, and a token at the end, in the newer form. `settled` is told of the answer that ends it here.
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
