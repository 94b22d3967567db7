/**
 * Room `Admin/Client`: the client of the contract.
 *
 * Promises: Every failure says what was asked, what came back and what to do. No token is shown.
 *
 * May use: `Process`, `Admin/Api`.
 */
import { Context, type Duration, Effect, Layer, type Redacted, Schema } from "effect"
import { HttpClient, HttpClientError } from "effect/http"
import type { HttpApiClient } from "effect/http-api"
import { messageOf } from "../Process/Failure.ts"
import type { Api } from "./Api.ts"
import {
  Conflict,
  InvalidRequest,
  InvalidSelection,
  InvalidStatement,
  NotApplied,
  NotFound,
  TimedOut,
  Unavailable
} from "./Api/Problems.ts"

export interface ClientOptions {
  /** The address of the private listener, such as http://127.0.0.1:3001. */
  readonly url: string
  readonly token?: Redacted.Redacted<string> | undefined
  /** Time limit of a response; 45 seconds when undefined. */
  readonly patience?: Duration.Input | undefined
}

/** The private listener cannot be used. `transient` says whether a retry can help. */
export class AdminUnreachable extends Schema.TaggedError<AdminUnreachable>()("AdminUnreachable", {
  message: Schema.String,
  transient: Schema.Boolean
}) {}

/** The typed client of a private listener, on this machine or another. */
export class AdminClient extends Context.Service<
  AdminClient,
  HttpApiClient.ForApi<typeof Api, AdminUnreachable>
>()("threeqpr-events/Admin/Client") {
  static readonly layer = (options: ClientOptions) => Layer.effect(AdminClient, make(options))
}

const make = Effect.fnUntraced(function*({ patience = "45 seconds", token, url }: ClientOptions) {
  const client = yield* HttpClient.HttpClient
  // Load the contract only here, so that commands without a call do not load it.
  const { connect } = yield* Effect.promise(() => import("./Client/Connect.ts"))
  return yield* connect({
    url,
    token,
    httpClient: HttpClient.transformResponse(client, (response) =>
      response.pipe(
        Effect.timeout(patience),
        Effect.mapError(() => nothingAnswers(url)),
        Effect.flatMap((response) => {
          const refusal = refusalOf(url, response.status)
          return refusal === undefined ? Effect.succeed(response) : Effect.fail(refusal)
        })
      ))
  })
})

/** Maps any client error to a user-facing message. */
export const explained = (error: unknown): AdminUnreachable => {
  if (error instanceof AdminUnreachable) return error
  if (
    error instanceof NotFound || error instanceof InvalidSelection || error instanceof InvalidRequest
    || error instanceof InvalidStatement || error instanceof NotApplied || error instanceof TimedOut ||
    error instanceof Conflict
  ) {
    return new AdminUnreachable({ message: error.detail ?? error.title ?? error.message, transient: false })
  }
  if (error instanceof Unavailable) {
    return new AdminUnreachable({ message: error.detail ?? error.title ?? error.message, transient: true })
  }
  return new AdminUnreachable({
    message:
      `The private listener returned an answer that this version does not understand: ${messageOf(error)}. `
      + "Is it a threeqpr-events of the same version, with the admin role?",
    transient: HttpClientError.isHttpClientError(error) && (error.response?.status ?? 500) >= 500
  })
}

export const nothingAnswers = (url: string) =>
  new AdminUnreachable({
    message:
      `Nothing answers at ${url}. Start \`threeqpr serve\`, or set the address of its private listener `
      + "with --admin-url (or ADMIN_HOST and ADMIN_PORT).",
    transient: true
  })

/** The error for a status that refuses access; undefined for any other status. */
export const refusalOf = (url: string, status: number) => {
  const refusal = refusals[status]
  return refusal === undefined
    ? undefined
    : new AdminUnreachable({ message: `${url} answers ${status}: ${refusal}`, transient: false })
}

const refusals: Readonly<Record<number, string>> = {
  401:
    "a bearer token is required. Set ADMIN_TOKEN to the value of the server. If the server has none, run this command as the "
    + "same user and with the same DATA_DIR, which keeps the token.",
  403:
    "the listener refuses this host name (use 127.0.0.1 or localhost), or the request requires ADMIN_TOKEN and only "
    + "ADMIN_READ_TOKEN was sent."
}
