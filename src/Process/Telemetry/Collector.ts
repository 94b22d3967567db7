import { Effect, Layer, Schedule } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { messageOf } from "../Failure.ts"

/** Exports on their way at a time; what would be one more is dropped. */
const maxExports = 8

/** How long one may take, its three further attempts included. */
const exportTimeout = "10 seconds"

/**
 * The client of a collector that may be slow, away or wrong: only so many exports wait for it in any case
 * and only for so long. An exporter whose export has failed drops what comes for a minute, then tries again.
 */
export const layer = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(HttpClient.HttpClient, (client) => {
    let exports = 0
    return client.pipe(
      // Within the time-out as well: an answer may begin and not end.
      HttpClient.tap((response) => Effect.ignore(response.arrayBuffer)),
      HttpClient.filterStatusOk,
      HttpClient.retryTransient({ schedule: Schedule.spaced("1 second"), times: 3 }),
      HttpClient.transform((response, { url }) =>
        Effect.suspend(() => {
          if (exports >= maxExports) return Effect.fail(new Error(`${maxExports} exports wait for an answer`))
          exports++
          return Effect.ensuring(Effect.timeout(response, exportTimeout), Effect.sync(() => exports--))
        }).pipe(
          Effect.catch((error) => {
            const message = `nothing is sent to ${whereOf(url)} for a minute: ${messageOf(error)}`
            // Not as a failure, which the exporter would try again.
            return Effect.andThen(Effect.logWarning(message), Effect.die(new Error(message)))
          })
        )
      )
    )
  })
).pipe(Layer.provide(FetchHttpClient.layer))

const whereOf = (url: string) => {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}
