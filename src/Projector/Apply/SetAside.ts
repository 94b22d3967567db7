import { Effect, Option, Stream } from "effect"
import { decoder, Outcome } from "../../Domain/Operation.ts"
import { DeadLetters } from "../../EventLog/DeadLetters.ts"
import { parseId } from "../../EventLog/DeadLetters/Letter.ts"
import { entriesOf } from "../../EventLog/Entries.ts"
import { operationStream, operationSubject } from "../../EventLog/Names.ts"
import { firstBehind, makeReader } from "../../EventLog/Reader.ts"
import { managerOf } from "../../Nats/Manager.ts"
import { Nats } from "../../Nats/Nats.ts"

/** The sequences of a durable consumer's dead letters. */
export interface SetAside {
  readonly letters: ReadonlyArray<number>
  /** The sequences whose dead letters an operator has discarded. */
  readonly discarded: ReadonlyArray<number>
}

/** A range of the event log. */
interface Range {
  readonly after: number
  readonly upTo: number
}

/**
 * Finds the dead letters of a durable consumer within a range of the log, and the discarded ones. Dead letters are
 * read first, because a discard is recorded before its dead letter is removed. They are not in the order of the log,
 * so all of the consumer's are read, without bodies. Only those in the range are kept in memory.
 */
export const setAsideBy = Effect.fn("SetAside.setAsideBy")(
  function*(durable: string, { after, upTo }: Range) {
    const isWithin = ({ sequence }: { readonly sequence: number }) => sequence > after && sequence <= upTo
    const deadLetters = yield* DeadLetters
    const letters = (yield* deadLetters.countOf(durable)) === 0
      ? new Set<number>()
      : yield* sequencesOf(Stream.filter(deadLetters.all({ consumer: durable }), isWithin))
    const discarded = yield* sequencesOf(
      Stream.filter(
        yield* discards,
        (id) => id.consumer === durable && isWithin(id) && !letters.has(id.sequence)
      )
    )
    return { letters: [...letters], discarded: [...discarded] } satisfies SetAside
  }
)

const sequencesOf = <E, R>(stream: Stream.Stream<{ readonly sequence: number }, E, R>) =>
  Effect.map(Stream.runCollect(Stream.map(stream, ({ sequence }) => sequence)), (all) => new Set(all))

/** The dead letters that operators have discarded. */
const discards = Effect.gen(function*() {
  const nats = yield* Nats
  const manager = yield* managerOf(nats)
  const part = { after: 0, filter: operationSubject("*", "discarded") }
  if (Option.isNone(yield* firstBehind(manager, operationStream, part))) return Stream.empty
  const { read } = makeReader(nats, manager, { stream: operationStream })
  return entriesOf(read, part).pipe(
    Stream.map(({ body }) => parseId(decode(body)?.id ?? "")),
    Stream.filter((id) => id !== undefined)
  )
})

const decode = decoder(Outcome)
