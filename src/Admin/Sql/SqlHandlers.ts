import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../Api.ts"
import { orUnavailable, Unavailable } from "../Api/Problems.ts"
import { reader } from "./Read.ts"

/** The handler of `/v1/sql`. Without a token, every program of the machine could ask, so none may. */
export const SqlHandlers = (hasToken: boolean) =>
  HttpApiBuilder.group(
    Api,
    "sql",
    Effect.fnUntraced(function*(handlers) {
      const read = yield* reader
      return handlers.handleAll({
        query: ({ payload }) => hasToken ? orUnavailable(read(payload)) : Effect.fail(tokenless)
      })
    })
  )

const tokenless = new Unavailable({
  detail:
    "This listener is started without a token, so it takes no SQL. Unset ADMIN_WITHOUT_TOKEN and start it again."
})
