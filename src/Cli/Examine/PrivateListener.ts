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
      "Start `threeqpr serve`, or set --admin-url (or ADMIN_PORT) to its private listener."
    )
  }
  if (faults === undefined) {
    return failed(
      `another program listens on ${adminUrl}: its /readyz is not that of threeqpr-events`,
      "Stop that program, set another ADMIN_PORT, or set --admin-url to the private listener."
    )
  }
  if (access?.status === 401) {
    return failed(
      adminToken === undefined ? `${adminUrl} requires a token` : `${adminUrl} does not accept the token`,
      "Set ADMIN_TOKEN to the value of the listener. If none is set there, run this command as the same user and with "
        + "the same DATA_DIR, which keeps the token."
    )
  }
  if (access?.status === 403) {
    return failed(
      `${adminUrl} does not accept requests for this host name`,
      "Use 127.0.0.1 or localhost in --admin-url, or set ADMIN_TOKEN there and here."
    )
  }
  if (faults.length > 0) {
    return failed(
      `${adminUrl} is not ready: ${faults.map(({ part, reason }) => `${part}: ${reason}`).join("; ")}`,
      "Fix the reported problem. The other checks show more."
    )
  }
  return ok(
    `${adminUrl} is ready${
      access?.status === 200 ? "" : ", but serves only its health (it does not have the role admin)"
    }`
  )
})
