import { Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { millisOf } from "../../Domain/Timestamp.ts"
import { EventLog, type LogState, type Page } from "../../EventLog/EventLog.ts"
import { eventSubject } from "../../EventLog/Names.ts"
import { newest } from "../../EventLog/Newest.ts"
import { Api } from "../Api.ts"
import type { EventsQuery } from "../Api/Events.ts"
import { NotFound, Unavailable } from "../Api/Problems.ts"
import { usualLimit } from "../Api/Query.ts"
import { Draining } from "../Draining.ts"
import { detailOf, summaryOf } from "./Answer.ts"
import { find } from "./Find.ts"

/** The handlers of `/v1/events`. */
export const EventsHandlers = HttpApiBuilder.group(
  Api,
  "events",
  Effect.fnUntraced(function*(handlers) {
    return handlers.handleAll({
      list: ({ query }) => list(query).pipe(Effect.catchTag("ReadFailed", unavailable)),
      get: ({ params }) =>
        find(params.id).pipe(
          Effect.catchTag("ReadFailed", unavailable),
          Effect.flatMap(Option.match({
            onNone: () => Effect.fail(new NotFound({ detail: "The event log has no event with this id." })),
            onSome: (entry) => Effect.succeed(detailOf(entry))
          }))
        )
    })
  })
)

const list = Effect.fn("Events.list")(function*(query: EventsQuery) {
  const log = yield* EventLog
  const state = yield* log.state
  const filter = query.type === undefined ? undefined : eventSubject(query.type)
  const limit = query.limit ?? usualLimit
  const since = query.since === undefined ? 0 : yield* log.sequenceAt(millisOf(query.since))
  const until = query.until === undefined ? undefined : yield* log.sequenceAt(millisOf(query.until))
  const page = query.after === undefined
    ? yield* newest(log, {
      from: Math.max(since, state.firstSequence),
      before: Math.min(query.before ?? Infinity, until ?? Infinity, state.lastSequence + 1),
      limit,
      filter
    })
    : yield* oldest({ after: Math.max(query.after, since - 1), until, limit, filter, wait: query.wait })
  return {
    events: page.entries.map((entry) => summaryOf(entry, query.bodies === "true")),
    cursor: page.cursor,
    more: page.more,
    log: logOf(yield* log.state)
  }
})

interface Onward {
  readonly after: number
  readonly until: number | undefined
  readonly limit: number
  readonly filter: string | undefined
  readonly wait: number | undefined
}

const oldest = Effect.fnUntraced(function*({ after, filter, limit, until = Infinity, wait = 0 }: Onward) {
  const log = yield* EventLog
  const { lastSequence } = yield* log.state
  const { begun: stopping } = yield* Draining
  const stopped: Page = { entries: [], cursor: after, end: true }
  const page = yield* log.read({ after, filter, limit, wait: until > lastSequence ? wait * 1_000 : 0 }).pipe(
    Effect.raceFirst(Effect.as(stopping, stopped))
  )
  const entries = page.entries.filter(({ sequence }) => sequence < until)
  if (page.end || entries.length < page.entries.length) {
    return { entries, more: false, cursor: entries.at(-1)?.sequence ?? after }
  }
  const next = yield* log.first({ after: page.cursor, filter })
  return { entries, more: Option.exists(next, ({ sequence }) => sequence < until), cursor: page.cursor }
})

const logOf = ({ created, firstSequence, lastSequence }: LogState) => ({
  created,
  first_sequence: firstSequence,
  last_sequence: lastSequence
})

/** Logs why the log could not be read, and answers that the request can be repeated. */
export const unavailable = (error: { readonly message: string }) =>
  Effect.logWarning("reading the event log failed", error.message).pipe(
    Effect.andThen(Effect.fail(new Unavailable({ detail: `The event log: ${error.message}. Try again.` })))
  )
