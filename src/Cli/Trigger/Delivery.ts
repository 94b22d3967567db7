import { Clock, Effect } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import * as Signature from "../../Signature/Signature.ts"
import { CommandFailed } from "../CommandFailed.ts"

/** The response to a delivery, with its duration. */
export interface Delivery {
  readonly status: number
  readonly millis: number
  readonly answer: string
}

/** Delivers a body as 3QPR does, but with a longer timeout of 10 seconds. Redirects are not followed. */
export const deliver = Effect.fnUntraced(function*(
  url: string,
  body: Uint8Array,
  signature: string | undefined
) {
  const started = yield* Clock.currentTimeMillis
  const { answer, status } = yield* HttpClientRequest.post(url).pipe(
    HttpClientRequest.setHeaders(signature === undefined ? {} : { [Signature.header]: signature }),
    HttpClientRequest.bodyUint8Array(body, "application/json"),
    HttpClient.execute,
    Effect.flatMap((response) =>
      Effect.map(response.text, (answer) => ({ status: response.status, answer }))
    ),
    Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
    Effect.mapError(() =>
      new CommandFailed({ message: `Nothing answers at ${url}. Start \`threeqpr serve\`, or give --url.` })
    ),
    Effect.timeoutOrElse({
      duration: "10 seconds",
      orElse: () =>
        Effect.fail(
          new CommandFailed({
            message: `No answer from ${url} within 10 seconds; 3QPR itself waits 5. Check the receiver's log.`
          })
        )
    })
  )
  return { status, millis: (yield* Clock.currentTimeMillis) - started, answer } satisfies Delivery
})
