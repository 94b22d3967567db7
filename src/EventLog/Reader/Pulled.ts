import { Effect } from "effect"
import { type Msg, nanos } from "nats"
import { messageOf as place, requestMessages } from "../../Nats/Message.ts"
import type { Nats } from "../../Nats/Nats.ts"
import { messageOf } from "../../Process/Failure.ts"
import { type LoggedEntry, ReadFailed } from "../EventLog.ts"
import { recordOf } from "../Headers.ts"
import { probeSubject } from "../Names.ts"

/** Maximum time for the broker to reply, in milliseconds. */
const answerTimeout = 5_000

/** Maximum size of one read in bytes. */
const maxBytes = 8 * 1024 * 1024

/** Pulls available messages, up to `batch`. With `expires` (milliseconds), waits that long for them. */
export const pullFrom = (nats: Nats["Service"], consumer: string, batch: number, expires: number) =>
  Effect.callback<ReadonlyArray<Msg>, ReadFailed>((resume) => {
    const { connection } = nats
    const messages: Array<Msg> = []
    const inbox = nats.newInbox()
    const subscription = connection.subscribe(inbox, {
      callback: (error, msg) => {
        if (error) return end(Effect.fail(new ReadFailed({ message: messageOf(error) })))
        // A status message, not a message of the stream: the broker has no more for this request.
        if (msg.subject === inbox) {
          return msg.headers?.code === 100
            ? undefined
            : end(Effect.succeed(messages))
        }
        if (messages.push(msg) === batch) end(Effect.succeed(messages))
      }
    })
    const end = (result: Effect.Effect<ReadonlyArray<Msg>, ReadFailed>) => {
      subscription.unsubscribe()
      resume(result)
    }
    requestMessages(connection, consumer, inbox, {
      batch,
      // A single message may be larger than `maxBytes` and must still be delivered.
      max_bytes: Math.max(maxBytes, connection.info?.max_payload ?? 0),
      ...(expires > 0 ? { expires: nanos(expires) } : { no_wait: true })
    })
    return Effect.sync(() => subscription.unsubscribe())
  }).pipe(
    Effect.timeoutOrElse({
      duration: expires + answerTimeout,
      orElse: () => Effect.fail(new ReadFailed({ message: "the broker does not answer" }))
    })
  )

/** A message, and its place in the stream. */
export interface Placed {
  readonly msg: Msg
  readonly sequence: number
  readonly storedAt: number
}

/**
 * The messages after a sequence, up to the first missing one. Messages are lost if the connection drops during a
 * pull. A server that lacks the start sequence begins with the next message it has, which may be earlier.
 */
export const placesOf = (messages: ReadonlyArray<Msg>, after: number): ReadonlyArray<Placed> => {
  const places: Array<Placed> = []
  for (const [index, msg] of messages.entries()) {
    const at = place(msg)
    if (at === undefined || at.order !== index + 1) break
    if (at.sequence > after) places.push({ msg, sequence: at.sequence, storedAt: at.storedAt })
  }
  return places
}

/** The entry of a message; none for a probe. */
export const entryOf = ({ msg, sequence, storedAt }: Placed): ReadonlyArray<LoggedEntry> =>
  msg.subject === probeSubject
    ? []
    : [{ sequence, subject: msg.subject, headers: recordOf(msg.headers), body: msg.data, storedAt }]
