import { Schema } from "effect"

/**
 * 3QPR's API was not reached, refused the request, or returned an unusable response. Contains neither the API key nor
 * a webhook secret.
 */
export class ThreeQprFailed extends Schema.TaggedError<ThreeQprFailed>()("ThreeQprFailed", {
  message: Schema.String,
  /**
   * The status of the response; absent without a response. 429 also when a request was not sent because no quota is
   * left.
   */
  status: Schema.optionalKey(Schema.Int),
  /** Whether the same call can succeed later, and can be repeated without harm. */
  retriable: Schema.Boolean
}) {}

/** The failure for a status other than 2xx. `said` is the reason that 3QPR gave, or an empty text. */
export const refused = (status: number, host: string, said: string) =>
  new ThreeQprFailed({
    message: `${host} answers ${status}: ${meaningOf(status)}${said === "" ? "" : ` It says: ${said}`}`,
    status,
    retriable: isRetriable(status)
  })

/** Whether the same request may get another status later. */
export const isRetriable = (status: number) => status === 408 || status === 429 || status >= 500

const meaningOf = (status: number) =>
  meanings[status] ?? (status >= 500
    ? "3QPR has an internal fault. Try again later."
    : status < 400
    ? "this is not the address of 3QPR's API. Check THREEQPR_API_URL."
    : "3QPR refuses the request.")

const meanings: Readonly<Record<number, string>> = {
  400: "3QPR does not accept the request.",
  401: "the API key is not valid. Check THREEQPR_API_KEY; 3QPR's keys look like 3qpr_sk_live_…",
  402: "the plan of this 3QPR account does not include this.",
  403: "the API key has been revoked, or is not allowed to do this. Create another key in 3QPR's dashboard.",
  404: "This address does not exist. Check THREEQPR_API_URL.",
  408: "3QPR did not get the request in time. Try again.",
  422: "3QPR does not accept the values in the request.",
  429: "the rate limit of this API key is reached. Try again in a minute."
}
