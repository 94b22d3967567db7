import { Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { DeadLetters } from "../../EventLog/DeadLetters.ts"
import type { DeadLetter } from "../../EventLog/DeadLetters/Letter.ts"
import { Api } from "../Api.ts"
import { type DeadLettersQuery, usualRates } from "../Api/DeadLetters.ts"
import { NotFound } from "../Api/Problems.ts"
import { usualLimit } from "../Api/Query.ts"
import { signedOf } from "../Events/Answer.ts"
import { unavailable } from "../Events/EventsHandlers.ts"
import { begin } from "./Begin.ts"

/** The handlers of `/v1/dead-letters`. */
export const DeadLettersHandlers = HttpApiBuilder.group(
  Api,
  "deadLetters",
  Effect.fnUntraced(function*(handlers) {
    return handlers.handleAll({
      list: ({ query }) => list(query).pipe(Effect.catchTag("ReadFailed", unavailable)),
      get: ({ params }) => get(params.id).pipe(Effect.catchTag("ReadFailed", unavailable)),
      redrive: ({ payload }) =>
        begin("redrive", payload, null, payload.rate ?? usualRates.redrive).pipe(
          Effect.catchTag(["ReadFailed", "AppendFailed"], unavailable)
        ),
      discard: ({ payload: { reason, ...asked } }) =>
        begin("discard", asked, reason, asked.rate ?? usualRates.discard).pipe(
          Effect.catchTag(["ReadFailed", "AppendFailed"], unavailable)
        )
    })
  })
)

const list = Effect.fnUntraced(function*({ limit = usualLimit, ...query }: DeadLettersQuery) {
  const { cursor, letters, more, total } = yield* (yield* DeadLetters).page({ ...query, limit })
  return { dead_letters: letters.map(summaryOf), total: total ?? null, cursor, more }
})

const get = Effect.fnUntraced(function*(id: string) {
  const deadLetters = yield* DeadLetters
  const letter = Option.getOrUndefined(yield* deadLetters.find(id))
  const body = letter && Option.getOrUndefined(yield* deadLetters.bodyOf(letter))
  if (letter === undefined || body === undefined) {
    return yield* new NotFound({
      detail: `There is no dead letter ${id}. An id has a consumer and a sequence, such as scans-1:1234.`
    })
  }
  return {
    ...summaryOf(letter),
    subject: letter.subject,
    headers: letter.headers,
    ...signedOf({ headers: letter.headers, body })
  }
})

/** A dead letter as `/v1/dead-letters` lists it. */
export const summaryOf = (letter: DeadLetter) => ({
  id: letter.id,
  consumer: letter.consumer,
  sequence: letter.sequence,
  event_id: letter.eventId,
  type: letter.type,
  error: letter.error,
  attempts: letter.attempts,
  first_failed_at: letter.firstFailedAt,
  last_failed_at: letter.lastFailedAt,
  size: letter.size
})
