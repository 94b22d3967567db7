import { Context, Deferred, Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"

/** Notifies long-polling and streaming requests that the private listener has begun to stop. */
export class Draining extends Context.Service<Draining, {
  readonly begin: Effect.Effect<void>
  readonly begun: Effect.Effect<void>
  readonly hasBegun: Effect.Effect<boolean>
}>()("threeqpr-events/Admin/Draining") {
  static readonly layer = Layer.sync(Draining, () => {
    const begun = Deferred.makeUnsafe<void>()
    return Draining.of({
      begin: Effect.asVoid(Deferred.succeed(begun, undefined)),
      begun: Deferred.await(begun),
      hasBegun: Deferred.isDone(begun)
    })
  })
}

/**
 * Closes each connection after its response once the listener has begun to stop. Otherwise a connection that is kept
 * alive would never end.
 */
export const middleware = HttpRouter.middleware(
  Effect.map(Draining, ({ hasBegun }) => (handler) =>
    Effect.gen(function*() {
      const response = yield* handler
      return (yield* hasBegun) ? HttpServerResponse.setHeader(response, "connection", "close") : response
    })),
  { global: true }
)
