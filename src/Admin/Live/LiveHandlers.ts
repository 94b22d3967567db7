import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Effect, Layer } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../Api.ts"
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
          open(
            headers["last-event-id"] ?? query.after,
            () => void NodeHttpServerRequest.toServerResponse(request).destroy()
          ),
          (messages) =>
            HttpServerResponse.stream(messages, {
              contentType: "text/event-stream",
              headers: {
                "cache-control": "no-store",
                // For nginx, and other proxies that support this header: send each message without buffering.
                "x-accel-buffering": "no",
                // No other request follows on this connection, so a listener that stops need not wait for it.
                connection: "close"
              }
            })
        )
    })
  })
).pipe(Layer.provide(Feed.layer()))
