import { Effect, Redacted, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { failed, ok } from "./Finding.ts"
import { ask } from "./Http.ts"
import type { Subject } from "./Subject.ts"

/** The parts that a private listener reports as not ready; undefined when it is not a threeqpr-events listener. */
export const faultsAt = Effect.fnUntraced(function*(adminUrl: string) {
  const answer = yield* ask(HttpClientRequest.get(`${adminUrl}/readyz`))
  return isReadiness(answer?.body) ? answer.body.faults ?? [] : undefined
})

const isReadiness = Schema.is(Schema.Struct({
  ready: Schema.Boolean,
  durability: Schema.String,
  faults: Schema.optional(Schema.Array(Schema.Struct({ part: Schema.String, reason: Schema.String })))
}))

/** Checks that the private listener belongs to threeqpr-events, grants access, and reports every part as ready. */
export const privateListener = Effect.fnUntraced(function*({ adminUrl, config }: Subject) {
  const adminToken = config.adminToken ?? config.adminReadToken
  const api = HttpClientRequest.get(`${adminUrl}/openapi.json`)
  const [alive, faults, access] = yield* Effect.all([
    ask(HttpClientRequest.get(`${adminUrl}/livez`)),
    faultsAt(adminUrl),
    ask(adminToken === undefined ? api : HttpClientRequest.bearerToken(api, Redacted.value(adminToken)))
  ], { concurrency: 3 })
  if (alive === undefined) {
    return failed(
      `nothing answers at ${adminUrl}`,
      "Start `threeqpr serve`, or say where its private listener is with --admin-url (or ADMIN_PORT)."
    )
  }
  if (faults === undefined) {
    return failed(
      `another program has ${adminUrl}: its /readyz is not ours`,
      "Stop that program, give ours another ADMIN_PORT, or say where ours listens with --admin-url."
    )
  }
  if (access?.status === 401) {
    return failed(
      adminToken === undefined ? `${adminUrl} wants a token` : `${adminUrl} does not take our token`,
      "Set ADMIN_TOKEN here as it is set where the listener runs. If none is set there, run this as the same user and with "
        + "the same DATA_DIR, which keeps the token."
    )
  }
  if (access?.status === 403) {
    return failed(
      `${adminUrl} does not take requests under this name`,
      "Name it as 127.0.0.1 or localhost with --admin-url, or set ADMIN_TOKEN there and here."
    )
  }
  if (faults.length > 0) {
    return failed(
      `${adminUrl} is not ready: ${faults.map(({ part, reason }) => `${part}: ${reason}`).join("; ")}`,
      "Put right what it says; the other checks tell more."
    )
  }
  return ok(`${adminUrl} is ready${access?.status === 200 ? "" : ", with health only (not the role admin)"}`)
})
