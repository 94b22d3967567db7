import { DateTime, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { millisOf } from "../../Domain/Timestamp.ts"
import * as Registry from "../../Jobs/Reconciliations/Registry.ts"
import { Api } from "../Api.ts"
import { Conflict, InvalidSelection, NotFound, orUnavailable } from "../Api/Problems.ts"
import { type ReconcileRequest, usualReconciliations } from "../Api/Reconciliations.ts"
import { optionalCodeIdOf } from "../CodeId.ts"

/** The handlers of `/v1/reconciliations`. Without a key for 3QPR's API no reconciliation can be started. */
export const ReconciliationsHandlers = (hasKey: boolean) =>
  HttpApiBuilder.group(
    Api,
    "reconciliations",
    Effect.fnUntraced(function*(handlers) {
      return handlers.handleAll({
        list: ({ query: { limit = usualReconciliations } }) =>
          Effect.all({ reconciliations: Registry.last(limit), repaired: Registry.repaired }).pipe(
            orUnavailable
          ),
        start: ({ payload }) => orUnavailable(hasKey ? start(payload) : keyMissing),
        get: ({ params }) => orUnavailable(get(params.id)),
        cancel: ({ params }) => orUnavailable(cancel(params.id))
      })
    })
  )

const keyMissing = Effect.fail(
  new Conflict({
    detail:
      "The server has no key for 3QPR's API. Create one in 3QPR's dashboard (3qpr_sk_live_…), set it as "
      + "THREEQPR_API_KEY in the environment of `threeqpr serve`, and restart it."
  })
)

const start = Effect.fn("Reconciliations.start")(
  function*({ by, dry_run = false, qpr_code_id, since, until }: ReconcileRequest) {
    const end = until ?? DateTime.formatIso(yield* DateTime.now)
    if (millisOf(since) >= millisOf(end)) {
      return yield* new InvalidSelection({ detail: `since (${since}) is not before until (${end}).` })
    }
    const code = yield* optionalCodeIdOf(qpr_code_id)
    const id = yield* Registry.request({ since, until: end, qpr_code_id: code, dry_run, by })
    const made = id === undefined ? undefined : yield* Registry.find(id)
    if (made !== undefined) return made
    const going = (yield* Registry.last(1))[0]
    return yield* new Conflict({
      detail: `A reconciliation is already running (id ${going?.id}, requested by ${going?.requested_by}). `
        + "Wait until it ends, or cancel it."
    })
  }
)

const get = Effect.fn("Reconciliations.get")(function*(id: number) {
  const found = yield* Registry.find(id)
  return found ?? (yield* new NotFound({ detail: `There is no reconciliation with id ${id}.` }))
})

const cancel = Effect.fn("Reconciliations.cancel")(function*(id: number) {
  yield* get(id)
  if (yield* Registry.end(id, "cancelled")) return yield* get(id)
  return yield* new Conflict({ detail: `The reconciliation ${id} has already ended.` })
})
