import { Effect, Layer } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { decodeCursor, encodeCursor } from "../../Projector/Changes/Read.ts"
import { Api } from "../Api.ts"
import { orUnavailable } from "../Api/Problems.ts"
import { cut, serverSent } from "../ServerSent.ts"
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
          () => cut(request)
        ).pipe(
          Effect.map(serverSent),
          orUnavailable
        )
    })
  })
).pipe(Layer.provide(ChangeFeed.layer()))

const cursorOf = (text: string | undefined) => text === undefined ? undefined : decodeCursor(text)
