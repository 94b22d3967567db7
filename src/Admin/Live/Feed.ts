import { Cause, Context, Effect, Fiber, Layer, Schedule, Stream } from "effect"
import type { Scope } from "effect"
import { Buffer } from "node:buffer"
import { EventLog, type LoggedEntry } from "../../EventLog/EventLog.ts"
import { TooManyClients } from "../Api/Problems.ts"
import { Draining } from "../Draining.ts"
import { summaryOf } from "../Events/Answer.ts"
import { look } from "./LiveStatus.ts"
import { type Framed, framed, Outbox } from "./Outbox.ts"
import { Rates } from "./Rates.ts"

/** The most that listen at a time. */
export const mostClients = 64

/** Entries that are read at a time: by what all clients share, and for one that has to catch up. */
const sharedPage = 500
const catchUpPage = 200

interface Client {
  readonly outbox: Outbox
  /** The last sequence of what it was given, until it has joined; undefined when it begins at the end. */
  after: number | undefined
  /** It gets what the shared tail reads, behind this sequence. */
  joined: number | undefined
  /** Cuts its connection. */
  readonly abort: () => void
  ended: boolean
}

/** What all clients share while at least one listens: one look a second, one tail of the log. */
interface Source {
  readonly clients: Set<Client>
  /** Up to here the tail has read; undefined until it has begun. */
  position: number | undefined
  status: Uint8Array | undefined
  work: Fiber.Fiber<unknown> | undefined
}

/** What happens, for any number of clients up to a bound, each of which costs a bounded memory. */
export class Feed extends Context.Service<Feed, {
  /** Server-sent events from behind a sequence, or from now on; let go with the scope. */
  readonly open: (
    after: number | undefined,
    abort: () => void
  ) => Effect.Effect<Stream.Stream<Uint8Array>, TooManyClients, Scope.Scope>
}>()("threeqpr-events/Admin/Live/Feed") {
  /** `patience`: a client that takes nothing for so long is let go, in milliseconds. */
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
          : Effect.logError("the live feed ended; its clients will connect again", cause)
      ),
      Effect.ensuring(Effect.sync(() => {
        if (current === source) current = undefined
        for (const client of source.clients) end(client)
      }))
    )

  const join = Effect.fnUntraced(function*(client: Client) {
    if ((current?.clients.size ?? 0) >= mostClients) {
      return yield* new TooManyClients({
        detail: `${mostClients} clients listen to /v1/live already. Close one, or try again later.`
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
    // A client that does not read does not see its end either.
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

/** A comment, so that the answer begins at once. */
const opening: Uint8Array = Buffer.from(": \n\n")

/** When to connect again, in milliseconds. Effect's client takes this line for an end, so it stands there. */
const closing: Uint8Array = Buffer.from("retry: 1000\n\n")

const ending = new Uint8Array()

const end = (client: Client) => {
  client.ended = true
  client.outbox.nudge()
}

/** The next bytes for a client, which asks for them only when it has taken the ones before. */
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

/** Gives a client a page of what it lacks, or lets it join the tail where it is: without a gap, nothing twice. */
const catchUp = Effect.fnUntraced(
  function*(log: EventLog["Service"], source: Source, position: number, client: Client) {
    if (client.after === undefined) {
      client.outbox.begin(position)
      client.joined = position
      return
    }
    if (client.after > position && (yield* log.state).lastSequence < client.after) {
      // The log is another one than that which the client knows.
      client.after = 0
      client.outbox.begin(0)
      return
    }
    if (client.after < position) {
      const page = yield* log.read({ after: client.after, limit: catchUpPage })
      for (const entry of page.entries) client.outbox.entry(messageOf(entry))
      // At the end of the log everything up to the position of the tail was sent, or was deleted meanwhile.
      client.after = page.end ? position : page.cursor
    }
    if (source.position !== undefined && client.after >= source.position) client.joined = client.after
  },
  // The missing part follows later. The status of the whole is sent meanwhile.
  Effect.catchTag("ReadFailed", () => Effect.sleep("1 second"))
)

/** Every client gets one every few seconds, so that it knows that the connection is alive. */
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

/** Reads the log as it grows, for all; ends when it has become another one. */
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
    // Each read costs the broker a consumer: a few a second are enough.
    if (entries.length < sharedPage) yield* Effect.sleep("100 millis")
  }
})

const again = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, Schedule.spaced("1 second")) as Effect.Effect<A, never, R>

const messageOf = (entry: LoggedEntry): Framed => ({
  sequence: entry.sequence,
  bytes: framed("entry", summaryOf(entry, false), entry.sequence)
})
