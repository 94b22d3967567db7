import { Clock, type Duration, Effect, Exit, Random, Redacted, Ref, Result, Schema, Stream } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { Buffer } from "node:buffer"
import { parseExact } from "../../Domain/ExactJson.ts"
import { faultsOf } from "../../Domain/SchemaFaults.ts"
import { monotonicMillis } from "../../Process/Monotonic.ts"
import { isRetriable, refused, ThreeQprFailed } from "./Failure.ts"
import { waitAfter } from "./Quota.ts"
import { noAnswer } from "./Transport.ts"

export interface Options {
  /** The base URL of the API, such as https://api.3qpr.com. */
  readonly url: string
  readonly key: Redacted.Redacted<string>
  /** Timeout of one request, including the body of the response. Default: 15 seconds. */
  readonly timeout?: Duration.Input | undefined
}

export interface Call<A> {
  readonly request: HttpClientRequest.HttpClientRequest
  /** The schema of a 2xx response. */
  readonly answer: Schema.ConstraintDecoder<A, never>
  /** The quota of 3QPR that counts the call. Each quota is counted separately. */
  readonly quota: "scans" | "other"
  /**
   * For a call that must not be made twice: message about what may have happened when its outcome is unknown. Such a
   * call is not sent again. Without it, a call is retried as long as that can help.
   */
  readonly outcomeUnknown?: string | undefined
}

/** Maximum number of retries after the first attempt. */
const retries = 4

/** Maximum wait that 3QPR may request, in milliseconds. A longer wait is a failure that states it. */
const maxWait = 120_000

/**
 * Sends calls with the API key, and none of a quota while 3QPR requests a wait for it. Retries 408, 429, 5xx, lost
 * connections and time-outs with exponential backoff and jitter. Follows no redirect, because it would send the key
 * to another address.
 */
export const make = Effect.fnUntraced(function*(options: Options) {
  const { key, url } = options
  const client = yield* HttpClient.HttpClient
  const host = URL.parse(url)?.host ?? url
  const heldUntil = { scans: yield* Ref.make(0), other: yield* Ref.make(0) }
  if (!/^[\x21-\x7e]+$/.test(Redacted.value(key))) {
    return yield* new ThreeQprFailed({
      message: "The API key is not valid: it is empty, or holds a space, a line break or another character "
        + "that keys do not have. Check THREEQPR_API_KEY.",
      retriable: false
    })
  }

  const exchange = Effect.fnUntraced(function*<A>({ answer, quota, request }: Call<A>) {
    const { body, headers, status } = yield* Effect.mapError(
      send(client, options, request),
      (error) => noAnswer(error, host)
    )
    const wait = waitAfter(status, headers, yield* Clock.currentTimeMillis)
    if (wait !== undefined) yield* Ref.set(heldUntil[quota], (yield* monotonicMillis) + wait)
    if (status < 200 || status > 299) {
      const received = isRetriable(status) && status !== 429
      return yield* Effect.fail({ failure: refused(status, host, reasonIn(body ?? "", key)), received })
    }
    return yield* Effect.mapError(
      decode(answer, body, headers["content-type"]),
      (fault) => ({ failure: notUnderstood(host, status, fault), received: true })
    )
  })

  return Effect.fnUntraced(function*<A>(call: Call<A>) {
    for (let attempt = 0;; attempt++) {
      yield* hold(host, yield* Ref.get(heldUntil[call.quota]))
      const result = yield* Effect.result(exchange(call))
      if (Result.isSuccess(result)) return result.success
      const { failure, received } = result.failure
      if (received && call.outcomeUnknown !== undefined) {
        return yield* failed(`${failure.message} ${call.outcomeUnknown}`, false, failure.status)
      }
      if (!failure.retriable || attempt === retries) return yield* failure
      yield* Effect.sleep(200 * 2 ** attempt * (0.5 + (yield* Random.next) / 2))
    }
  })
})

/** Waits until 3QPR allows the next call of a quota. Fails if that takes too long. */
const hold = Effect.fnUntraced(function*(host: string, until: number) {
  const wait = until - (yield* monotonicMillis)
  if (wait > maxWait) return yield* waitTooLong(host, wait)
  if (wait >= 1_000) yield* Effect.logInfo(`${host} asks to wait ${Math.ceil(wait / 1_000)} seconds`)
  if (wait > 0) yield* Effect.sleep(wait)
})

/** Sends one request. Returns the response with its whole body. */
const send = (
  client: HttpClient.HttpClient,
  { key, timeout = "15 seconds", url }: Options,
  request: HttpClientRequest.HttpClientRequest
) =>
  client.execute(request.pipe(
    HttpClientRequest.prependUrl(url),
    HttpClientRequest.acceptJson,
    HttpClientRequest.bearerToken(key)
  )).pipe(
    Effect.flatMap((response) =>
      Effect.map(bodyOf(response), (body) => ({ headers: response.headers, status: response.status, body }))
    ),
    Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
    Effect.timeout(timeout)
  )

/** Maximum size of a response body, in bytes. A page of 200 scans has about 100 kB. */
const maxBody = 32 << 20

/** The text of a response body; undefined when it is larger than `maxBody`. */
const bodyOf = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let size = 0
    return response.stream.pipe(
      Stream.takeWhile((chunk) => (size += chunk.length) <= maxBody && chunks.push(chunk) > 0),
      Stream.runDrain,
      Effect.map(() => size <= maxBody ? Buffer.concat(chunks).toString() : undefined)
    )
  })

const failed = (message: string, retriable: boolean, status: number | undefined) =>
  new ThreeQprFailed({ message, retriable, ...(status !== undefined && { status }) })

const waitTooLong = (host: string, wait: number) =>
  failed(
    `${host} asks to wait ${
      Math.ceil(wait / 1_000)
    } seconds, because of the rate limit of this API key or because `
      + "it is busy. Try again after that.",
    true,
    429
  )

const notUnderstood = (host: string, status: number, fault: string) =>
  failed(`${host} answers ${status}, but not as 3QPR's API does: ${fault}.`, false, status)

/** Decodes a body. An error names the path and the expected value, never the actual value. */
const decode = Effect.fnUntraced(
  function*<A>(
    schema: Schema.ConstraintDecoder<A, never>,
    text: string | undefined,
    type = "no content type"
  ) {
    if (text === undefined) return yield* Effect.fail(`the body is longer than ${maxBody >> 20} MiB`)
    const json = yield* Effect.mapError(parse(text), () => `the body is not JSON but ${type.slice(0, 60)}`)
    return yield* Effect.mapError(Schema.decodeUnknownEffect(schema)(json), ({ issue }) => {
      const [first] = faultsOf(issue)
      return `${first?.message ?? "Unexpected"} at ${first?.path.join(".") || "the top"}`
    })
  }
)

const parse = (text: string) => Effect.try({ try: () => parseExact(text), catch: () => "it is not JSON" })

/** Common places for the reason of an error. 3QPR does not document which one it uses. */
const Reasons = Schema.Struct({
  error: Schema.optional(Schema.Union([Schema.String, Schema.Struct({ message: Schema.String })])),
  message: Schema.optional(Schema.String),
  detail: Schema.optional(Schema.String)
})

/** The reason in the body of an error response, shortened, and without the API key or a secret. */
const reasonIn = (body: string, key: Redacted.Redacted<string>): string => {
  const reasons = Schema.decodeUnknownExit(Schema.fromJsonString(Reasons))(body)
  if (!Exit.isSuccess(reasons)) return ""
  const { detail, error, message } = reasons.value
  const reason = message ?? detail ?? (typeof error === "object" ? error.message : error) ?? ""
  return reason
    .replaceAll(Redacted.value(key), "<key>")
    .replaceAll(/(whsec_|3qpr_sk_)[\w-]+/g, "$1…")
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ")
    .slice(0, 200)
}
