import { Predicate, Schema } from "effect"
import { ErrorCode } from "nats"
import { messageOf } from "../Process/Failure.ts"
import { isTlsCode } from "../Process/TlsCode.ts"
import { CredentialsUnreadable } from "./Credentials.ts"

/** The broker could not be reached, or refused the connection. */
export class NatsUnreachable extends Schema.TaggedError<NatsUnreachable>()("NatsUnreachable", {
  /** Contains no server addresses. */
  reason: Schema.String,
  remedy: Schema.String,
  servers: Schema.Array(Schema.String),
  /** Whether another attempt can succeed without a change of settings. */
  passing: Schema.Boolean,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `Cannot connect to NATS at ${this.servers.join(", ")}: ${this.reason}. ${this.remedy}`
  }
}

/** Describes a failed connection attempt, by the error's code. */
export const unreachable = (servers: ReadonlyArray<string>, demandsTls: boolean, cause: unknown) => {
  const failure = (reason: string, remedy: string, passing: boolean) =>
    new NatsUnreachable({ reason, remedy, servers, passing, cause })
  if (cause instanceof CredentialsUnreadable) return failure(cause.message, cause.remedy, false)
  const code = Predicate.hasProperty(cause, "code") ? String(cause.code) : ""
  const said = messageOf(cause)
  if (refusals.has(code)) return failure(`the server refused the log-in (${said})`, loginRemedy, false)
  if (code === ErrorCode.ServerOptionNotAvailable) {
    return failure(
      "TLS is required (by tls:// or NATS_TLS_*), but the server offers none. No credentials were sent",
      "Set up TLS on the server. On a network that you trust, use nats:// and unset NATS_TLS_*.",
      false
    )
  }
  const isCertificate = isTlsCode(code)
  const remedy = `${addressRemedy}${demandsTls || isCertificate ? tlsRemedy : ""}`
  return failure(
    isCertificate ? `the TLS certificate of the server or of this client is not accepted: ${said}` : said,
    remedy,
    !isCertificate
  )
}

/** Error codes of a server that refuses the log-in or ends the session. */
export const refusals: ReadonlySet<string> = new Set([
  ErrorCode.AuthorizationViolation,
  ErrorCode.AuthenticationExpired,
  ErrorCode.AuthenticationTimeout,
  ErrorCode.AccountExpired,
  ErrorCode.BadAuthentication
])

export const loginRemedy =
  "Check the credentials: NATS_CREDS, NATS_USER and NATS_PASSWORD, or NATS_TOKEN. Files are read "
  + "again at each attempt."

const addressRemedy =
  "Check NATS_URL, and that the server is running. Unset NATS_URL to use the embedded broker."

const tlsRemedy =
  " With TLS, NATS_TLS_CA names the file of the certificate authority of the server. NATS_TLS_CERT "
  + "and NATS_TLS_KEY are required when the server asks for a client certificate."
