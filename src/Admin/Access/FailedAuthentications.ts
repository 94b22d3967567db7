import { Effect, Option } from "effect"
import { HttpServerRequest } from "effect/http"
import { authentication } from "../../Process/Metrics.ts"

/** The delay of the response to a wrong token. It slows down a client that guesses tokens. */
const delay = "500 millis"

/** After a logged wrong token, how long more of them from the same address are counted before the next log line. */
const quiet = "1 minute"

/** Number of addresses that are counted separately. All others share one line. */
const mostAddresses = 50

/**
 * Counts requests with a wrong token and delays their responses. Logs their addresses at a bounded rate. A request
 * without a token is only counted, because it does not guess.
 */
export const make = Effect.gen(function*() {
  authentication.start()
  const scope = yield* Effect.scope
  const counts = new Map<string, number>()

  const summarise = Effect.fnUntraced(function*(source: string) {
    yield* Effect.sleep(quiet)
    const count = counts.get(source) ?? 0
    counts.delete(source)
    if (count > 0) {
      yield* Effect.logWarning(`private listener: ${count} more requests with a wrong token from ${source}`)
    }
  })
  const report = Effect.fnUntraced(function*(address: string) {
    const source = counts.has(address) || counts.size < mostAddresses ? address : "other addresses"
    const count = counts.get(source)
    counts.set(source, (count ?? -1) + 1)
    if (count !== undefined) return
    yield* Effect.logWarning(
      `private listener: a request with a wrong token from ${source}. threeqpr_failed_authentications_total counts such requests`
    )
    yield* Effect.forkIn(summarise(source), scope)
  })

  return {
    missing: Effect.sync(() => authentication.failed("missing_token")),
    wrong: Effect.gen(function*() {
      const { remoteAddress } = yield* HttpServerRequest.HttpServerRequest
      authentication.failed("wrong_token")
      yield* report(Option.getOrElse(remoteAddress, () => "an unknown address"))
      yield* Effect.sleep(delay)
    })
  }
})
