import { Effect, Redacted } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import type { Config } from "../../Process/Config.ts"

/** A response: its status, and its body if that is JSON. */
export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** Sends a request once, without following redirects; undefined when no response arrives within 4 seconds. */
export const ask = (request: HttpClientRequest.HttpClientRequest) =>
  HttpClient.execute(request).pipe(
    Effect.flatMap((response) =>
      Effect.map(response.text, (text): Answer => ({ status: response.status, body: jsonOf(text) }))
    ),
    Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
    Effect.timeout("4 seconds"),
    Effect.catch(() => Effect.succeed(undefined))
  )

/** The same, with a token that permits reads of the private listener. */
export const askPrivate = (
  request: HttpClientRequest.HttpClientRequest,
  { adminReadToken, adminToken }: Pick<Config, "adminReadToken" | "adminToken">
) => {
  const token = adminToken ?? adminReadToken
  return ask(token === undefined ? request : HttpClientRequest.bearerToken(request, Redacted.value(token)))
}

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
