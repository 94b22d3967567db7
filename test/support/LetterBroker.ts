import { Effect } from "effect"
import { headers } from "nats"
import { Buffer } from "node:buffer"
import { type DeadLetter, headersOf } from "../../src/EventLog/DeadLetters/Letter.ts"
import { deadLetterStream, deadSubject } from "../../src/EventLog/Names.ts"
import { Nats } from "../../src/Nats/Nats.ts"
import { NatsServer } from "../../src/Nats/Server.ts"
import { client } from "./Broker.ts"

/** The default fields of a dead letter. */
export const letter = {
  consumer: "crm",
  sequence: 7,
  eventId: "evt_7",
  type: "scan.created",
  subject: "3qpr.events.scan.created",
  attempts: 1,
  receivedAt: "2026-03-20T15:29:00.000Z",
  firstFailedAt: "2026-03-20T15:30:00.000Z",
  lastFailedAt: "2026-03-20T15:30:00.000Z",
  error: "broken"
}

const messageOf = (said: Partial<DeadLetter>) => {
  const whole = { ...letter, ...said }
  const all = headers()
  for (const [name, value] of headersOf([["ce-id", whole.eventId]], whole, 10_000)) all.set(name, value)
  return { body: `{"id":"${whole.eventId}"}`, headers: all }
}

/** Stores a dead letter under any subject. */
export const store = Effect.fnUntraced(function*(
  subject: string,
  said: Partial<DeadLetter> = {},
  padding = ""
) {
  const { connection } = yield* Nats
  const { body, headers } = messageOf(said)
  yield* Effect.promise(() =>
    connection.jetstream().publish(subject, Buffer.from(`${body}${padding}`), { headers })
  )
})

/** Stores a dead letter for each sequence of a range, in ascending order. */
export const fill = Effect.fnUntraced(function*(from: number, upTo: number, said: Partial<DeadLetter>) {
  const { connection } = yield* Nats
  const lettered = (sequence: number) => ({ ...letter, ...said, sequence, eventId: `evt_${sequence}` })
  for (let sequence = from; sequence <= upTo; sequence++) {
    const said = lettered(sequence)
    const { body, headers } = messageOf(said)
    // Waits for every 1,000th message, because the broker drops messages when 10,000 are waiting.
    if (sequence % 1_000 === 0 || sequence === upTo) yield* store(deadSubject(said), said)
    else connection.publish(deadSubject(said), Buffer.from(body), { headers })
  }
})

/** The subjects of all messages in the dead letter stream, in stream order. */
export const storedSubjects = Effect.gen(function*() {
  const { connection } = yield* Nats
  return yield* Effect.promise(async () => {
    const manager = await connection.jetstreamManager({ checkAPI: false })
    const { state } = await manager.streams.info(deadLetterStream)
    const subjects: Array<string> = []
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage(deadLetterStream, { seq }).catch(() => undefined)
      if (message !== undefined) subjects.push(message.subject)
    }
    return subjects
  })
})

/** The broker requests and publications for dead letters that an effect makes, in order. */
export const requestsOf = Effect.fnUntraced(function*<A, E, R>(effect: Effect.Effect<A, E, R>) {
  const { connection } = yield* Nats
  const monitor = yield* client(yield* NatsServer)
  const seen: Array<string> = []
  const subscription = monitor.subscribe(">", {
    callback: (_, { reply = "", subject }) => {
      const isDelivery = reply.startsWith("$JS.ACK.")
      const isRequest = subject.startsWith("$JS.API.") && subject.includes(deadLetterStream)
      if (isRequest || (subject.startsWith("3qpr.dead.") && !isDelivery)) seen.push(subject)
    }
  })
  yield* Effect.promise(() => monitor.flush())
  yield* effect
  yield* Effect.promise(() => connection.flush())
  yield* Effect.promise(() => monitor.flush())
  subscription.unsubscribe()
  return seen
}, Effect.scoped)
