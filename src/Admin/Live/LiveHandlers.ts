import { Effect, Layer } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../Api.ts"
import { cut, serverSent } from "../ServerSent.ts"
import { Feed } from "./Feed.ts"

/** The handler of `/v1/live`. */
export const LiveHandlers = HttpApiBuilder.group(
  Api,
  "live",
  Effect.fnUntraced(function*(handlers) {
    const { open } = yield* Feed
    return handlers.handleAll({
      live: ({ headers, query, request }) =>
        Effect.map(
          open(headers["last-event-id"] ?? query.after, () => cut(request)),
          serverSent
        )
    })
  })
).pipe(Layer.provide(Feed.layer()))
