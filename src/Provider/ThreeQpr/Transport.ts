import { Cause, Predicate } from "effect"
import type { HttpClientError } from "effect/http"
import { ThreeQprFailed } from "./Failure.ts"

/** Why there is no response, and whether the request may have been received nevertheless. */
export interface NoAnswer {
  readonly failure: ThreeQprFailed
  readonly received: boolean
}

/**
 * Classifies a failed `fetch` of Node or Deno. Their own messages are not shown, because they can contain headers.
 */
export const noAnswer = (
  error: HttpClientError.HttpClientError | Cause.TimeoutError,
  host: string
): NoAnswer => {
  if (Cause.isTimeoutError(error)) return lost(`${host} does not answer in time. Try again later.`)
  const facts = factsOf(error.reason)
  const isCertificate = /CERT|certificate|UNABLE_TO_VERIFY/.test(facts)
  if (!isCertificate && !notConnected.test(facts)) {
    return lost(`The connection to ${host} was lost before it answered. Try again later.`)
  }
  return {
    failure: new ThreeQprFailed({
      message: isCertificate
        ? `${host} shows a TLS certificate that is not trusted here. Check THREEQPR_API_URL, or whether a `
          + "proxy decrypts the connection."
        : `${host} cannot be reached. Check the network and THREEQPR_API_URL.`,
      retriable: !isCertificate
    }),
    received: false
  }
}

const lost = (message: string): NoAnswer => ({
  failure: new ThreeQprFailed({ message, retriable: true }),
  received: true
})

// undici reports codes, and Deno's fetch reports a text that names the phase. fetch never connects to a "bad port".
const notConnected =
  /ECONNREFUSED|ENOTFOUND|EAI_|ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT|client error \(Connect\)|bad port|are blocked/

/** The codes and messages of an error and of its causes. */
const factsOf = (error: unknown): string =>
  !Predicate.isObject(error) ? "" : [
    Predicate.hasProperty(error, "code") ? String(error.code) : "",
    error instanceof Error ? error.message : "",
    Predicate.hasProperty(error, "cause") ? factsOf(error.cause) : ""
  ].join(" ")
