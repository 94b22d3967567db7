import { Effect } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { EventLog } from "../EventLog/EventLog.ts"
import { ProcessHealth } from "../Process/ProcessHealth.ts"

/** `/livez` answers while the process runs; `/readyz` names each part that is not ready. */
export const layer = HttpRouter.use(Effect.fnUntraced(function*(router) {
  const health = yield* ProcessHealth
  const { durability } = yield* EventLog
  yield* router.add("GET", "/livez", HttpServerResponse.json({ ok: true }))
  yield* router.add(
    "GET",
    "/readyz",
    Effect.gen(function*() {
      const faults = yield* health.faults
      const ready = faults.length === 0
      return yield* HttpServerResponse.json(
        { ready, ...(!ready && { faults }), durability },
        { status: ready ? 200 : 503 }
      )
    })
  )
}))
