import { Effect, type Redacted } from "effect"
import { type HttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { Api } from "../Api.ts"
import { Authorization } from "../Api/Authorization.ts"

export interface Connection<E, R> {
  readonly url: string
  readonly token: Redacted.Redacted<string> | undefined
  readonly httpClient: HttpClient.HttpClient.With<E, R>
}

/** The client of the contract for one private listener. */
export const connect = <E, R>({ httpClient, token, url }: Connection<E, R>) =>
  Effect.provide(HttpApiClient.makeWith(Api, { baseUrl: url, httpClient }), authorized(token))

/** Sends the token with every request. */
const authorized = (token: Redacted.Redacted<string> | undefined) =>
  HttpApiMiddleware.layerClient(
    Authorization,
    ({ next, request }) => next(token === undefined ? request : HttpClientRequest.bearerToken(request, token))
  )
