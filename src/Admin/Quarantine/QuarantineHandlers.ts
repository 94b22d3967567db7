import { Effect, Option, Stream } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { decodeDelivery } from "../../Domain/Decode.ts"
import { eventOf } from "../../EventLog/Delivered.ts"
import { EventLog, type LoggedEntry } from "../../EventLog/EventLog.ts"
import { quarantineSubject, quarantineSubjects } from "../../EventLog/Names.ts"
import { newest } from "../../EventLog/Newest.ts"
import { Operations } from "../../EventLog/Operations.ts"
import { all, at, isQuarantined, reasonOf } from "../../EventLog/Quarantine.ts"
import { Api } from "../Api.ts"
import { InvalidSelection, NotFound } from "../Api/Problems.ts"
import { type QuarantineQuery, type QuarantineSelection, usualRate } from "../Api/Quarantine.ts"
import { usualLimit } from "../Api/Query.ts"
import { signedOf } from "../Events/Answer.ts"
import { unavailable } from "../Events/EventsHandlers.ts"

/** The handlers of `/v1/quarantine`. */
export const QuarantineHandlers = HttpApiBuilder.group(
  Api,
  "quarantine",
  Effect.fnUntraced(function*(handlers) {
    return handlers.handleAll({
      list: ({ query }) => list(query).pipe(Effect.catchTag("ReadFailed", unavailable)),
      get: ({ params }) => get(params.sequence).pipe(Effect.catchTag("ReadFailed", unavailable)),
      redrive: ({ payload }) =>
        redrive(payload).pipe(Effect.catchTag(["ReadFailed", "AppendFailed"], unavailable))
    })
  })
)

const list = Effect.fnUntraced(
  function*({ before = Infinity, limit = usualLimit, reason }: QuarantineQuery) {
    const log = yield* EventLog
    const { firstSequence, lastSequence } = yield* log.state
    const { cursor, entries, more } = yield* newest(log, {
      from: firstSequence,
      before: Math.min(before, lastSequence + 1),
      limit,
      filter: reason === undefined ? quarantineSubjects : quarantineSubject(reason)
    })
    return { quarantined: entries.filter(isQuarantined).map((entry) => summaryOf(entry, 20)), cursor, more }
  }
)

const get = Effect.fnUntraced(function*(sequence: number) {
  const log = yield* EventLog
  const entry = Option.getOrUndefined(Option.filter(yield* log.get(sequence), isQuarantined))
  if (entry === undefined) {
    return yield* new NotFound({ detail: `There is no quarantined entry with the sequence ${sequence}.` })
  }
  return {
    ...summaryOf(entry, Infinity),
    subject: entry.subject,
    headers: entry.headers,
    ...signedOf(entry)
  }
})

const redrive = Effect.fn("Quarantine.redrive")(
  function*(
    { all: everything, by, dry_run = false, rate = usualRate, reason, sequences }: QuarantineSelection
  ) {
    if ([sequences, reason, everything].filter((given) => given !== undefined).length !== 1) {
      return yield* new InvalidSelection({ detail: "Send exactly one of `sequences`, `reason` and `all`." })
    }
    const named = new Set(sequences)
    const meant = yield* (sequences === undefined ? all(reason) : at(named)).pipe(
      Stream.map(({ body, sequence }) => ({ sequence, decodes: decodeDelivery(body)._tag === "Event" })),
      Stream.runCollect
    )
    const count = meant.length
    const decodable = meant.filter(({ decodes }) => decodes).length
    const there = new Set(meant.map(({ sequence }) => sequence))
    const missing = [...named].filter((sequence) => !there.has(sequence))
    if (dry_run || count === 0) return { operation: null, count, decodable, missing }
    const asked = {
      ...(sequences && (sequences.length <= 100 ? { sequences } : { sequence_count: sequences.length })),
      ...(reason && { reason }),
      ...(everything && { all: true })
    }
    const { operation } = yield* (yield* Operations).begin(
      { kind: "quarantine-redrive", by, reason: null, asked, rate },
      Stream.fromIterable(meant.map(({ sequence }) => String(sequence)))
    )
    return { operation, count, decodable, missing }
  }
)

const summaryOf = (entry: LoggedEntry, most: number) => {
  const now = decodeDelivery(entry.body)
  const { id, receivedAt } = eventOf(entry)
  return {
    sequence: entry.sequence,
    id,
    type: now.type,
    reason: reasonOf(entry),
    received_at: receivedAt,
    size: entry.body.length,
    decodes: now._tag === "Event",
    problems: now._tag === "Event" ? [] : now.problems.slice(0, most)
  }
}
