import { Cause, Context, Effect, Layer, Schedule, type Scope, Stream } from "effect"
import { EventLog, type LoggedEntry } from "../../EventLog/EventLog.ts"
import type { TooManyClients } from "../Api/Problems.ts"
import { Draining } from "../Draining.ts"
import { summaryOf } from "../Events/Answer.ts"
import { type Client, Clients, end, type Source } from "./Clients.ts"
import { look } from "./LiveStatus.ts"
import { closing, type Framed, framed, opening, Outbox } from "./Outbox.ts"
import { Rates } from "./Rates.ts"

/** Page sizes, in entries: of the tail that all clients share, and of one client that catches up. */
const sharedPage = 500
const catchUpPage = 200

/** The live feed of status and entries. The number of clients is bounded, and so is the memory of each. */
export class Feed extends Context.Service<Feed, {
  /** Server-sent events after a sequence, or from now on. The client is removed when the scope closes. */
  readonly open: (
    after: number | undefined,
    abort: () => void
  ) => Effect.Effect<Stream.Stream<Uint8Array>, TooManyClients, Scope.Scope>
}>()("threeqpr-events/Admin/Live/Feed") {
  /** `patience`: time in milliseconds after which a client that does not read is disconnected. */
  static readonly layer = ({ patience = 60_000 } = {}) => Layer.effect(Feed, make(patience))
}

const make = Effect.fnUntraced(function*(patience: number) {
  const log = yield* EventLog
  const draining = yield* Draining
  const services = yield* Effect.context<Effect.Services<ReturnType<typeof look>>>()
  const clients = new Clients(
    (source) =>
      Effect.raceFirst(statuses(source, patience), tail(log, source)).pipe(
        Effect.provideContext(services),
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause)
            ? Effect.void
            : Effect.logError("the live feed ended. Its clients reconnect", cause)
        )
      ),
    yield* Effect.scope
  )

  yield* draining.begun.pipe(
    Effect.andThen(Effect.sync(() => clients.all.forEach(end))),
    // A client that does not read cannot see the end of its stream, so its connection is cut.
    Effect.andThen(Effect.sleep("1 second")),
    Effect.andThen(Effect.sync(() => clients.all.forEach(({ abort }) => abort()))),
    Effect.forkScoped
  )

  return Feed.of({
    open: Effect.fnUntraced(function*(after, abort) {
      const client: Client = {
        outbox: new Outbox(after),
        after,
        joined: undefined,
        abort,
        ended: yield* draining.hasBegun
      }
      const source = yield* Effect.acquireRelease(clients.join(client), () => clients.leave(client))
      return Stream.make(opening).pipe(
        Stream.concat(Stream.fromEffectRepeat(Effect.suspend(() => next(log, source, client)))),
        Stream.takeWhile((chunk) => chunk !== ending),
        Stream.concat(Stream.make(closing))
      )
    })
  })
})

const ending = new Uint8Array()

/** The next bytes for a client. The client asks for them only after it has taken the previous ones. */
const next = Effect.fnUntraced(function*(log: EventLog["Service"], source: Source, client: Client) {
  while (true) {
    if (client.ended) return ending
    if (client.joined === undefined && source.position !== undefined && !client.outbox.hasEntries) {
      yield* catchUp(log, source, source.position, client)
    }
    const bytes = client.outbox.take()
    if (bytes !== undefined) return bytes
    if (client.joined !== undefined || source.position === undefined) yield* client.outbox.news
  }
})

/**
 * Gives a client one page of missing entries, or lets it join the tail at its position. No entry is skipped or
 * repeated.
 */
const catchUp = Effect.fnUntraced(
  function*(log: EventLog["Service"], source: Source, position: number, client: Client) {
    if (client.after === undefined) {
      client.outbox.begin(position)
      client.joined = position
      return
    }
    if (client.after > position && (yield* log.state).lastSequence < client.after) {
      // The log is not the one that the client has read.
      client.after = 0
      client.outbox.begin(0)
      return
    }
    if (client.after < position) {
      const page = yield* log.read({ after: client.after, limit: catchUpPage })
      for (const entry of page.entries) client.outbox.entry(messageOf(entry))
      // At the end of the log, every entry up to the position of the tail has been sent, or was deleted meanwhile.
      client.after = page.end ? position : page.cursor
    }
    if (source.position !== undefined && client.after >= source.position) client.joined = client.after
  },
  // The missing entries follow later. Meanwhile the client receives statuses.
  Effect.catchTag("ReadFailed", () => Effect.sleep("1 second"))
)

/** Sends a status to every client every few seconds, so that the client knows that the connection is alive. */
const statuses = (source: Source, patience: number) => {
  const rates = new Rates()
  return look(rates).pipe(
    Effect.tap((status) =>
      Effect.sync(() => {
        source.status = framed("status", status)
        for (const { abort, outbox } of source.clients) {
          if (outbox.waiting > patience) abort()
          else outbox.status(source.status)
        }
      })
    ),
    Effect.repeat(Schedule.fixed("1 second"))
  )
}

/** Reads new entries of the log for all clients. Ends when the log was replaced by another one. */
const tail = Effect.fnUntraced(function*(log: EventLog["Service"], source: Source) {
  const { created, lastSequence } = yield* again(log.state)
  let position = lastSequence
  source.position = position
  for (const { outbox } of source.clients) outbox.nudge()
  while (true) {
    const { cursor, end, entries } = yield* again(
      log.read({ after: position, limit: sharedPage, wait: 5_000 })
    )
    position = cursor
    source.position = position
    for (const entry of entries) {
      const message = messageOf(entry)
      for (const { joined, outbox } of source.clients) {
        if (joined !== undefined && entry.sequence > joined) outbox.entry(message)
      }
    }
    if (end && (yield* again(log.state)).created !== created) return
    // Each read creates a consumer on the broker; a few a second are enough.
    if (entries.length < sharedPage) yield* Effect.sleep("100 millis")
  }
})

const again = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, Schedule.spaced("1 second")) as Effect.Effect<A, never, R>

const messageOf = (entry: LoggedEntry): Framed => ({
  sequence: entry.sequence,
  bytes: framed("entry", summaryOf(entry, false), entry.sequence)
})
