import { Effect } from "effect"
import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as overHttp } from "node:http"
import { Agent as HttpsAgent, request as overHttps } from "node:https"
import * as Signature from "../../Signature/Signature.ts"

/** One delivery attempt: a POST of these bytes. */
export interface Attempt {
  readonly url: string
  readonly body: Uint8Array
  /** The value of the signature header; undefined sends no header. */
  readonly signature: string | undefined
  /** Real milliseconds between the two halves of the body; 0 sends it in one piece. */
  readonly pause: number
  /** Cuts the connection when the response starts, or 250 ms after the body was sent. */
  readonly cut: boolean
  /** Timeout for the whole response, in real milliseconds. */
  readonly within: number
}

/**
 * Why there is no response. `cut`: the simulator cut the connection. `failed`: any other cause, such as TLS or DNS.
 */
export const silences = ["refused", "reset", "timeout", "cut", "failed"] as const
export type Silence = (typeof silences)[number]

/** The outcome of an attempt. Only the first 64 kB of the response body are kept. */
export type Outcome =
  | { readonly _tag: "Answered"; readonly status: number; readonly body: string }
  | { readonly _tag: "Unanswered"; readonly silence: Silence; readonly detail: string }

/** Makes delivery attempts over kept-alive connections, which close with the scope. Never fails. */
export const make = Effect.gen(function*() {
  const agents = yield* Effect.acquireRelease(
    Effect.sync(() => ({
      http: new HttpAgent({ keepAlive: true }),
      https: new HttpsAgent({ keepAlive: true })
    })),
    ({ http, https }) => Effect.sync(() => [http, https].forEach((agent) => agent.destroy()))
  )
  return (attempt: Attempt): Effect.Effect<Outcome> =>
    Effect.callback((resume) => {
      const request = open(attempt, agents)
      let rest: ReturnType<typeof setTimeout> | undefined
      const done = (outcome: Outcome) => {
        clearTimeout(limit)
        clearTimeout(rest)
        // The response arrived before the whole body was sent, so the rest is not sent.
        if (!request.writableEnded) request.destroy()
        resume(Effect.succeed(outcome))
      }
      const unanswered = (silence: Silence, detail: string) => {
        done({ _tag: "Unanswered", silence, detail })
        request.destroy()
      }
      const limit = setTimeout(
        () => unanswered("timeout", `no answer within ${attempt.within} ms`),
        attempt.within
      )
      request.on("error", (error) => unanswered(...silenceOf(error)))
      request.on("response", (response) => {
        response.on("error", (error) => unanswered(...silenceOf(error)))
        if (attempt.cut) return cut()
        response.on("aborted", () => unanswered("reset", "the answer broke off"))
        collect(response, (body) => done({ _tag: "Answered", status: response.statusCode ?? 0, body }))
      })
      const cut = () => unanswered("cut", "the connection was cut before the answer")
      const finish = (part: Uint8Array) =>
        request.end(part, () => {
          if (attempt.cut) rest = setTimeout(cut, graceOfCut)
        })
      if (attempt.pause === 0) finish(attempt.body)
      else rest = sendInParts(request, attempt, finish)
      return Effect.sync(() => {
        clearTimeout(limit)
        clearTimeout(rest)
        request.destroy()
      })
    })
})

/** Starts the request of an attempt, without its body. */
const open = (
  { body, signature, url }: Attempt,
  { http, https }: { readonly http: HttpAgent; readonly https: HttpsAgent }
) => {
  const options = {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "content-length": body.length,
      "user-agent": "threeqpr-simulator",
      ...(signature === undefined ? {} : { [Signature.header]: signature })
    }
  }
  const request = url.startsWith("https:")
    ? overHttps(url, { ...options, agent: https })
    : overHttp(url, { ...options, agent: http })
  // Deno 2.9 repeats a request when its reused connection breaks, even when this code has broken it
  // (denoland/deno issue 36786). It does not repeat a request on a connection that it considers new.
  Object.defineProperty(request, "reusedSocket", { get: () => false, set: () => {} })
  return request
}

// The first byte of the response proves that the body has arrived. A slower response is not awaited.
const graceOfCut = 250

const sendInParts = (
  request: ClientRequest,
  { body, pause }: Attempt,
  finish: (part: Uint8Array) => void
) => {
  const half = Math.floor(body.length / 2)
  request.write(body.subarray(0, half))
  return setTimeout(() => finish(body.subarray(half)), pause)
}

const collect = (response: IncomingMessage, whole: (body: string) => void) => {
  let body = ""
  response.setEncoding("utf8")
  response.on("data", (text: string) => void (body.length < 65_536 && (body += text)))
  response.on("end", () => whole(body.slice(0, 65_536)))
}

const silenceOf = (error: Error): readonly [Silence, string] => {
  const code = "code" in error ? String(error.code) : ""
  // An error for several addresses has no message.
  const detail = error.message === "" ? code : error.message
  if (code === "ECONNREFUSED") return ["refused", detail]
  const reset = code === "ECONNRESET" || code === "EPIPE" || error.message === "socket hang up"
  return [reset ? "reset" : "failed", detail]
}
