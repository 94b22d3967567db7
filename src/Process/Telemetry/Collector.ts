import { Effect, Layer, Schedule } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { messageOf } from "../Failure.ts"

/** Maximum number of concurrent exports; further exports are dropped. */
const maxExports = 8

/** Time limit of one export, including its three retries. */
const exportTimeout = "10 seconds"

/**
 * The HTTP client for a collector that may be slow, unreachable or faulty. The number of pending exports and their
 * duration are bounded. An exporter whose export failed drops its data for a minute, and then tries again.
 */
export const layer = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(HttpClient.HttpClient, (client) => {
    let exports = 0
    return client.pipe(
      // Read the body within the timeout too: a response may begin and never end.
      HttpClient.tap((response) => Effect.ignore(response.arrayBuffer)),
      HttpClient.filterStatusOk,
      HttpClient.retryTransient({ schedule: Schedule.spaced("1 second"), times: 3 }),
      HttpClient.transform((response, { url }) =>
        Effect.suspend(() => {
          if (exports >= maxExports) {
            return Effect.fail(new Error(`${maxExports} exports are waiting for an answer`))
          }
          exports++
          return Effect.ensuring(Effect.timeout(response, exportTimeout), Effect.sync(() => exports--))
        }).pipe(
          Effect.catch((error) => {
            const message = `nothing is sent to ${whereOf(url)} for a minute: ${messageOf(error)}`
            // A defect instead of a failure, because the exporter would retry a failure.
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
