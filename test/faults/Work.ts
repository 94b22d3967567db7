import { Effect, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { AdminClient } from "../../src/Admin/Client.ts"
import { type Fault, oneOf, type Target } from "./Fault.ts"

/** What operators do amid it all; that it is refused or nobody answers is no fault of the system. */
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
    name: "redrive",
    row: 18,
    kind: "work",
    happen: (target) =>
      asked(target, (client) => client.deadLetters.redrive({ payload: { all: true, by: "the faults" } }))
  }
]

const asked = <A, E>(
  { admin }: Target,
  ask: (client: AdminClient["Service"]) => Effect.Effect<A, E>
): Effect.Effect<void> =>
  Effect.flatMap(AdminClient, ask).pipe(
    Effect.provide(AdminClient.layer({ url: admin.admin }).pipe(Layer.provide(FetchHttpClient.layer))),
    Effect.ignore
  )
