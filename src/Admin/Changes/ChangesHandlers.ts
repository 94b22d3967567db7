import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Effect, Layer } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { decodeCursor, encodeCursor } from "../../Projector/Changes/Read.ts"
import { Api } from "../Api.ts"
import { orUnavailable } from "../Api/Problems.ts"
import { ChangeFeed } from "./ChangeFeed.ts"

/** The handlers of `/v1/changes`. */
export const ChangesHandlers = HttpApiBuilder.group(
  Api,
  "changes",
  Effect.fnUntraced(function*(handlers) {
    const { open, page } = yield* ChangeFeed
    return handlers.handleAll({
      list: ({ query: { after, projection, wait = 0 } }) =>
        page(cursorOf(after), projection, wait * 1_000).pipe(
          Effect.map(({ cursor, ...found }) => ({ ...found, cursor: encodeCursor(cursor) })),
          orUnavailable
        ),
      live: ({ headers, query, request }) =>
        open(
          cursorOf(headers["last-event-id"] ?? query.after),
          query.projection,
          () => void NodeHttpServerRequest.toServerResponse(request).destroy()
        ).pipe(
          Effect.map((messages) =>
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
          ),
          orUnavailable
        )
    })
  })
).pipe(Layer.provide(ChangeFeed.layer()))

const cursorOf = (text: string | undefined) => text === undefined ? undefined : decodeCursor(text)
