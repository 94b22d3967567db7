import { Context, Effect, Layer, type Scope, Semaphore, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import { monotonicMillis } from "../../Process/Monotonic.ts"
import { type Cursor, encodeCursor, endOfFeed, newest, readChanges } from "../../Projector/Changes/Read.ts"
import { TooManyClients } from "../Api/Problems.ts"
import { Draining } from "../Draining.ts"
import { closing, framed, opening } from "../Live/Outbox.ts"

/** Maximum number of clients that wait for changes at a time. */
export const mostListeners = 64

/** How often the database is asked for new changes while clients wait: one query for all of them. */
const every = "200 millis"

/** Time between two comments on a quiet stream, in milliseconds, so that proxies keep it open. */
const quiet = 15_000

type Page = Effect.Success<ReturnType<typeof readChanges>>

/** Pages of changes for clients that poll or listen. */
export class ChangeFeed extends Context.Service<ChangeFeed, {
  /** The changes after a cursor. Waits up to `wait` milliseconds when there is none. */
  readonly page: (
    after: Cursor | undefined,
    projection: string | undefined,
    wait: number
  ) => Effect.Effect<Page, Effect.Error<ReturnType<typeof readChanges>> | TooManyClients>
  /**
   * Server-sent events after a cursor, or from now on. Fails while the database does not answer. `abort` cuts the
   * connection of a client that does not read.
   */
  readonly open: (
    after: Cursor | undefined,
    projection: string | undefined,
    abort: () => void
  ) => Effect.Effect<
    Stream.Stream<Uint8Array>,
    Effect.Error<ReturnType<typeof readChanges>> | TooManyClients,
    Scope.Scope
  >
}>()("threeqpr-events/Admin/Changes/ChangeFeed") {
  /** `patience`: time in milliseconds after which a client that does not read is disconnected. */
  static readonly layer = ({ patience = 60_000 } = {}) => Layer.effect(ChangeFeed, make(patience))
}

const make = Effect.fnUntraced(function*(patience: number) {
  const sql = yield* SqlClient
  const draining = yield* Draining
  const position = yield* Effect.cachedWithTTL(Effect.provideService(newest, SqlClient, sql), every)

  /** Waits until the newest position is another one, for a time in milliseconds, or until the listener stops. */
  const untilOther = Effect.fnUntraced(function*(than: number, wait: number) {
    const end = (yield* monotonicMillis) + wait
    while ((yield* monotonicMillis) < end && !(yield* draining.hasBegun)) {
      if ((yield* position) > than) return true
      yield* Effect.sleep(every)
      // Another database, or an older copy. An earlier look can be behind the cursor too.
      if ((yield* position) < than) return true
    }
    return false
  })

  const pageAfter = Effect.fnUntraced(function*(after: Cursor, projection: string | undefined, wait: number) {
    const end = (yield* monotonicMillis) + wait
    let cursor = after
    while (true) {
      const page = yield* readChanges(cursor, projection)
      if (page.changes.length > 0) return page
      cursor = page.cursor
      if (page.end && !(yield* untilOther(cursor.position, end - (yield* monotonicMillis)))) return page
    }
  }, Effect.provideService(SqlClient, sql))

  const end = Effect.provideService(endOfFeed, SqlClient, sql)
  const place = placeIn(yield* Semaphore.make(mostListeners))

  return ChangeFeed.of({
    page: (after, projection, wait) =>
      after === undefined
        ? Effect.map(end, (cursor) => ({ changes: [], cursor, end: true }))
        : wait === 0
        ? pageAfter(after, projection, 0)
        : Effect.scoped(Effect.andThen(place, pageAfter(after, projection, wait))),
    open: Effect.fnUntraced(function*(after, projection, abort) {
      yield* place
      const last = yield* end
      const pulse = yield* watch(patience, abort, draining)
      const read = (cursor: Cursor) => pageAfter(cursor, projection, quiet)
      return messages(after ?? last, read, draining.hasBegun, pulse)
    })
  })
})

/** The changes after a cursor as server-sent events, until the listener stops. */
const messages = <E>(
  first: Cursor,
  pageAfter: (cursor: Cursor) => Effect.Effect<Page, E>,
  hasEnded: Effect.Effect<boolean>,
  pulse: Pulse
) => {
  let cursor = first
  const next = Effect.gen(function*() {
    pulse.taken()
    const page = yield* Effect.option(pageAfter(cursor))
    // A database that does not answer may answer soon. Meanwhile the client gets comments.
    if (page._tag === "None") yield* Effect.sleep("1 second")
    if (yield* hasEnded) return closing
    const changes = page._tag === "None" ? [] : page.value.changes
    if (page._tag === "Some") cursor = page.value.cursor
    yield* pulse.given
    return changes.length === 0 ? opening : Buffer.concat(
      changes.map((change, at) =>
        framed("change", change, at === changes.length - 1 ? encodeCursor(cursor) : undefined)
      )
    )
  })
  return Stream.make(opening).pipe(
    Stream.concat(Stream.takeUntil(Stream.fromEffectRepeat(next), (bytes) => bytes === closing))
  )
}

type Pulse = Effect.Success<ReturnType<typeof watch>>

/** Takes one of the places of clients that wait, until the scope ends. */
const placeIn = (places: Semaphore.Semaphore) =>
  Effect.acquireRelease(
    Effect.flatMap(places.takeIfAvailable(1), (taken) => taken ? Effect.void : Effect.fail(tooMany)),
    () => places.release(1)
  )

const tooMany = new TooManyClients({
  detail: `${mostListeners} clients wait for changes already. Close one, or try again later.`
})

/** Cuts a client that does not take its bytes in time, also after the listener has begun to stop. */
const watch = Effect.fnUntraced(
  function*(patience: number, abort: () => void, draining: Draining["Service"]) {
    let since: number | undefined
    yield* Effect.forkScoped(
      Effect.gen(function*() {
        const now = yield* monotonicMillis
        if (since !== undefined && now - since > patience) abort()
      }).pipe(Effect.delay(Math.min(patience, 5_000)), Effect.forever)
    )
    yield* Effect.forkScoped(
      draining.begun.pipe(Effect.andThen(Effect.sleep("1 second")), Effect.andThen(Effect.sync(abort)))
    )
    return {
      taken: () => void (since = undefined),
      given: Effect.map(monotonicMillis, (now) => void (since = now))
    }
  }
)
