import { Clock, Effect, Redacted, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerRespondable, HttpServerResponse } from "effect/http"
import { make } from "../../Process/SignInCode.ts"
import { SignInRefused } from "../Api/Problems.ts"

/** `POST /dashboard/sign-in`: exchanges a sign-in code for the token. */
export const layer = (token: Redacted.Redacted<string>) =>
  HttpRouter.use(Effect.fnUntraced(function*(router) {
    const take = make(token, yield* Clock.currentTimeMillis)
    yield* router.add(
      "POST",
      "/dashboard/sign-in",
      Effect.gen(function*() {
        const code = yield* HttpServerRequest.schemaBodyJson(Schema.Struct({ code: Schema.String })).pipe(
          Effect.match({ onFailure: () => "", onSuccess: ({ code }) => code })
        )
        return take(code, yield* Clock.currentTimeMillis)
          ? HttpServerResponse.jsonUnsafe({ token: Redacted.value(token) })
          : yield* HttpServerRespondable.toResponse(
            new SignInRefused({
              detail: "This link was already used, is older than 10 minutes, or belongs to another `serve`. "
                + "`threeqpr dashboard` prints a new one."
            })
          )
      })
    )
  }))
