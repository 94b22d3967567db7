import { Effect, Predicate } from "effect"
import { ack, deadLetter, delays, isDelay, type Outcome, retryAfter } from "../Outcome.ts"

/**
 * Turns the results of a handler into outcomes. A result that is not an outcome, such as that of a query, means that
 * the event is done. A warning reports this once. An invalid outcome is a failure of the handler.
 */
export const resultsOf = (consumer: string) => {
  let isSaid = false
  const say = (result: unknown) =>
    Effect.suspend(() => {
      if (isSaid) return Effect.void
      isSaid = true
      return Effect.logWarning(
        `${consumer}: the handler returned ${
          nameOf(result)
        }, which is not an outcome. The event counts as done. `
          + "Return nothing, Consumer.ack, Consumer.retryAfter(millis) or Consumer.deadLetter(reason). "
          + "This warning is logged once."
      )
    })

  const outcomeOf = (result: unknown): Effect.Effect<Outcome, Error> => {
    if (result === undefined) return Effect.succeed(ack)
    if (!isOutcome(result)) return Effect.as(say(result), ack)
    if (result._tag === "Ack") return Effect.succeed(ack)
    if (result._tag === "DeadLetter") {
      return Effect.succeed(deadLetter("error" in result ? textOf(result.error) : "no reason was given"))
    }
    const millis = "millis" in result ? result.millis : undefined
    return isDelay(millis)
      ? Effect.succeed(retryAfter(millis))
      : Effect.fail(
        new RangeError(`The outcome has the delay ${String(millis)}; allowed is a number of ${delays}.`)
      )
  }

  /** One outcome for each of `count` events. */
  const outcomesOf = (result: unknown, count: number): Effect.Effect<ReadonlyArray<Outcome>, Error> => {
    const each = Array.from({ length: count }, () => ack)
    if (result === undefined) return Effect.succeed(each)
    if (!Array.isArray(result)) return Effect.as(say(result), each)
    const results: ReadonlyArray<unknown> = result
    if (results.length !== count && results.some(isOutcome)) {
      return Effect.fail(otherCount(results.length, count))
    }
    return Effect.forEach(each, (_, at) => outcomeOf(results[at]))
  }

  return { outcomeOf, outcomesOf }
}

const otherCount = (given: number, wanted: number) =>
  new TypeError(
    `The handler returned ${given} outcomes for ${wanted} events. Return one for each event, in their order, or nothing.`
  )

const isOutcome = (result: unknown): result is { readonly _tag: Outcome["_tag"] } =>
  Predicate.hasProperty(result, "_tag")
  && (result._tag === "Ack" || result._tag === "RetryAfter" || result._tag === "DeadLetter")

const textOf = (error: unknown) => typeof error === "string" ? error : String(error)

const nameOf = (result: unknown) =>
  result === null ? "null" : Array.isArray(result) ? "an array" : `a value of type ${typeof result}`
