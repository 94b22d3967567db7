import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { Draw } from "../support/Faults/Bodies.ts"
import { answered, asked } from "./Admin.ts"
import { type Fault, oneOf, type Target } from "./Fault.ts"

/** Work that operators do during faults. A refusal or a missing answer is no fault of the system. */
export const work: ReadonlyArray<Fault> = [
  {
    name: "rebuild",
    row: 17,
    kind: "work",
    happen: (target, draw) =>
      asked(target, (client) =>
        Effect.forEach(
          oneOf(draw, ["scans", "conversations", "qpr_codes", "subscriptions"]),
          (name) => client.projections.rebuild({ params: { name }, payload: { by: "the faults" } })
        ))
  },
  {
    name: "erasure during a rebuild",
    row: 17,
    kind: "work",
    happen: (target, draw) =>
      Effect.gen(function*() {
        const conversation = yield* old(target, draw)
        if (conversation === undefined) return
        const { event_id, id: conversation_id } = conversation
        const forget = { conversation_id, reason: "the faults", by: "the faults" }
        target.erased.add(event_id)
        yield* Effect.all([
          // Repeated until it is answered: a request without an answer may or may not have begun.
          answered(target, (client) => client.forget.begin({ payload: forget })),
          asked(target, (client) =>
            client.projections.rebuild({ params: { name: "conversations" }, payload: { by: "the faults" } }))
        ], { concurrency: 2 })
      })
  },
  {
    name: "redrive",
    row: 18,
    kind: "work",
    happen: (target) =>
      asked(target, (client) => client.deadLetters.redrive({ payload: { all: true, by: "the faults" } }))
  }
]

/** A conversation of the older half, whose deliveries are complete; undefined while the database is down. */
const old = ({ query }: Target, draw: Draw) =>
  query(Effect.flatMap(SqlClient, (sql) =>
    sql<{ readonly id: string; readonly event_id: string }>`
      select id, event_id from conversations order by sequence
      offset (select floor(${draw()}::float8 * count(*) / 2) from conversations)::bigint limit 1`)).pipe(
      Effect.map(([found]) => found),
      Effect.orElseSucceed(() => undefined)
    )
