import type { HttpClient } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { Api } from "../Api.ts"

/** The client of the contract for one private listener. */
export const connect = <E, R>(baseUrl: string, httpClient: HttpClient.HttpClient.With<E, R>) =>
  HttpApiClient.makeWith(Api, { baseUrl, httpClient })
