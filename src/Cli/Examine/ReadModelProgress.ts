import { Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { failed, ok, skipped } from "./Finding.ts"
import { askPrivate } from "./Http.ts"
import type { Subject } from "./Subject.ts"

const isAnswer = Schema.is(Schema.Struct({
  projections: Schema.Array(Schema.Struct({
    name: Schema.String,
    fault: Schema.NullOr(Schema.String)
  }))
}))

/** Checks that the read models match the event log. The process with the role admin reports this. */
export const projections = Effect.fnUntraced(function*({ adminUrl, config }: Subject) {
  const answer = yield* askPrivate(HttpClientRequest.get(`${adminUrl}/v1/projections`), config)
  if (answer?.status !== 200 || !isAnswer(answer.body)) {
    return skipped(`no process with the role admin reports the state of the read models at ${adminUrl}`)
  }
  const found = answer.body.projections
  const faults = found.flatMap(({ fault, name }) => fault === null ? [] : [`${name}: ${fault}`])
  if (faults.length > 0) {
    return failed(faults.join("; "), "Follow the message. `threeqpr projections list` shows more.")
  }
  return ok(
    `every event of the log is accounted for in ${
      found.map(({ name }) => name).join(", ") || "no read model"
    }`
  )
})
