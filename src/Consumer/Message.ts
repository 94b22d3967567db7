import { type Msg, nanos } from "nats"

/** A message that a pull consumer delivered, and the answers it can be given. */
export interface Message {
  readonly msg: Msg
  /** Its place in the stream. */
  readonly sequence: number
  /** 1 for the first delivery that the broker counted. */
  readonly deliveries: number
  /** When the broker stored it, milliseconds since the epoch. */
  readonly storedAt: number
  readonly ack: () => void
  /** Deliver again, not before this many milliseconds. */
  readonly nak: (delay: number) => void
  /** Never deliver again. */
  readonly term: () => void
  /** Do not deliver to another yet: the time to acknowledge begins again. */
  readonly working: () => void
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
  const end = (answer: string) => {
    settled?.(message)
    msg.respond(answer)
  }
  const message: Message = {
    msg,
    deliveries: Number(tokens[at]),
    sequence: Number(tokens[at + 1]),
    storedAt: Number(tokens[at + 3]) / 1e6,
    ack: () => end("+ACK"),
    nak: (delay) => end(`-NAK ${JSON.stringify({ delay: nanos(delay) })}`),
    term: () => end("+TERM"),
    working: () => void msg.respond("+WPI")
  }
  return message
}
