import { Predicate, Schema } from "effect"
import type { HttpServerError } from "effect/http"
import { messageOf } from "../Process/Failure.ts"

/** The private listener cannot bind its address. */
export class AdminNotListening extends Schema.TaggedError<AdminNotListening>()("AdminNotListening", {
  address: Schema.String,
  reason: Schema.String,
  remedy: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `The private listener cannot listen on ${this.address}: ${this.reason}. ${this.remedy}`
  }
}

export const notListening = (
  { host, port }: { readonly host: string; readonly port: number },
  { cause }: HttpServerError.ServeError
) => {
  const code = Predicate.hasProperty(cause, "code") ? cause.code : undefined
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`
  return new AdminNotListening(
    code === "EADDRINUSE"
      ? {
        address,
        reason: "another process uses this port",
        remedy: "Stop that process, or set ADMIN_PORT.",
        cause
      }
      : code === "EACCES"
      ? {
        address,
        reason: "this user may not use this port",
        remedy: "Set ADMIN_PORT to 1024 or more.",
        cause
      }
      : { address, reason: messageOf(cause), remedy: "Change ADMIN_HOST or ADMIN_PORT.", cause }
  )
}
