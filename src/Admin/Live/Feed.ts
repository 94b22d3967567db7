import { Cause, Context, Effect, Fiber, Layer, Schedule, Stream } from "effect"
import type { Scope } from "effect"
import { EventLog, type LoggedEntry } from "../../EventLog/EventLog.ts"
import { TooManyClients } from "../Api/Problems.ts"
import { Draining } from "../Draining.ts"
import { summaryOf } from "../Events/Answer.ts"
import { look } from "./LiveStatus.ts"
import { closing, type Framed, framed, opening, Outbox } from "./Outbox.ts"
import { Rates } from "./Rates.ts"

/** Maximum number of concurrent clients. */
export const mostClients = 64

/** Page sizes, in entries: of the tail that all clients share, and of one client that catches up. */
const sharedPage = 500
const catchUpPage = 200

interface Client {
  readonly outbox: Outbox
  /**
   * The sequence of the last entry that the client has, until it joins the tail; undefined when it begins at the end.
   */
  after: number | undefined
  /** The client receives entries of the shared tail after this sequence; undefined while it catches up. */
  joined: number | undefined
  /** Cuts the client's connection. */
  readonly abort: () => void
  ended: boolean
}

/**
 * State that all clients share while at least one is connected: one status query a second, and one tail of the log.
 */
interface Source {
  readonly clients: Set<Client>
  /** The sequence up to which the tail has read; undefined before its first read. */
  position: number | undefined
  status: Uint8Array | undefined
  work: Fiber.Fiber<unknown> | undefined
}

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
  const scope = yield* Effect.scope
  let current: Source | undefined

  const work = (source: Source) =>
    Effect.raceFirst(statuses(source, patience), tail(log, source)).pipe(
      Effect.provideContext(services),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.void
          : Effect.logError("the live feed ended. Its clients reconnect", cause)
      ),
      Effect.ensuring(Effect.sync(() => {
        if (current === source) current = undefined
        for (const client of source.clients) end(client)
      }))
    )

  const join = Effect.fnUntraced(function*(client: Client) {
    if ((current?.clients.size ?? 0) >= mostClients) {
      return yield* new TooManyClients({
        detail: `${mostClients} clients are already connected to /v1/live. Close one, or try again later.`
      })
    }
    const source = current ?? { clients: new Set(), position: undefined, status: undefined, work: undefined }
    source.clients.add(client)
    if (source.status !== undefined) client.outbox.status(source.status)
    if (current === undefined) {
      current = source
      source.work = yield* Effect.forkIn(work(source), scope)
    }
    return source
  })

  const leave = (client: Client) =>
    Effect.suspend(() => {
      const source = current
      if (!source?.clients.delete(client) || source.clients.size > 0) return Effect.void
      current = undefined
      return source.work === undefined ? Effect.void : Fiber.interrupt(source.work)
    })

  yield* draining.begun.pipe(
    Effect.andThen(Effect.sync(() => current?.clients.forEach(end))),
    // A client that does not read cannot see the end of its stream, so its connection is cut.
    Effect.andThen(Effect.sleep("1 second")),
    Effect.andThen(Effect.sync(() => current?.clients.forEach(({ abort }) => abort()))),
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
      const source = yield* Effect.acquireRelease(join(client), () => leave(client))
      return Stream.make(opening).pipe(
        Stream.concat(Stream.fromEffectRepeat(Effect.suspend(() => next(log, source, client)))),
        Stream.takeWhile((chunk) => chunk !== ending),
        Stream.concat(Stream.make(closing))
      )
    })
  })
})

const ending = new Uint8Array()

const end = (client: Client) => {
  client.ended = true
  client.outbox.nudge()
}

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
