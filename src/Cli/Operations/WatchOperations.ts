import { Console, Effect } from "effect"
import type { OperationAnswer } from "../../Admin/Api/Operations.ts"
import { type AdminClient, explained } from "../../Admin/Client.ts"
import type { Outcome } from "../../Domain/Operation.ts"
import { printableIn } from "../../Process/Printable.ts"
import { CommandFailed } from "../CommandFailed.ts"
import { liveLine } from "../LiveLine.ts"
import { paint, printJson, table } from "../Output.ts"

/** Polling interval, in milliseconds. */
const lookEvery = 250

/**
 * Watches an operation to its end, then prints the result of each event. Interrupting the watch does not stop the
 * operation.
 */
export const watch = Effect.fnUntraced(
  function*(api: AdminClient["Service"], id: string, command: string, asJson: boolean) {
    const get = api.operations.get({ params: { id } }).pipe(Effect.mapError(explained))
    const line = yield* liveLine
    yield* Console.error(`operation ${id}`)
    const operation = yield* Effect.tap(get, (operation) => line.show(progressOf(operation))).pipe(
      Effect.delay(lookEvery),
      Effect.repeat({ until: ({ state }) => state !== "running" }),
      Effect.onInterrupt(() =>
        Effect.andThen(
          line.clear,
          Console.error(
            `It continues without you. To watch again: ${command} --watch ${id}\n`
              + `To stop it: ${command} --cancel ${id}`
          )
        )
      )
    )
    yield* line.clear
    const outcomes = yield* all(api, id)
    if (asJson) yield* Effect.forEach(outcomes, printJson, { discard: true })
    else if (outcomes.length > 0) yield* show(outcomes)
    yield* Console.error(progressOf(operation))
    const { dead = 0, unusable = 0 } = operation.results
    if (operation.state === "cancelled") {
      return yield* new CommandFailed({
        message:
          `Cancelled by ${operation.cancelled?.by}: ${operation.left} of ${operation.requested} were not reached.`
      })
    }
    if (dead + unusable > 0) {
      return yield* new CommandFailed({
        message: `${dead + unusable} of ${operation.requested} failed again and remain unchanged.`
      })
    }
  }
)

const all = Effect.fnUntraced(function*(api: AdminClient["Service"], id: string) {
  const found: Array<Outcome> = []
  for (let after = 0;;) {
    const { cursor, outcomes } = yield* api.operations.outcomes({
      params: { id },
      query: { after, limit: 1_000 }
    })
      .pipe(Effect.mapError(explained))
    if (cursor === after) return found
    found.push(...outcomes)
    after = cursor
  }
})

const show = Effect.fnUntraced(function*(outcomes: ReadonlyArray<Outcome>) {
  const { dim, green, red } = yield* paint
  const colour = (result: Outcome["result"]) =>
    result === "dead" || result === "unusable" ? red(result) : result === "gone" ? dim(result) : green(result)
  yield* table(
    [{ title: "ID" }, { title: "RESULT" }, { title: "ERROR" }],
    printableIn(outcomes).map(({ error, id, result }) => [id, colour(result), error ?? ""])
  )
})

const progressOf = ({ kind, left, requested, results, state }: OperationAnswer) => {
  const ended = Object.entries(results).map(([result, count]) => `${count} ${result}`)
  return `${kind} ${state}: ${requested - left} of ${requested}${
    ended.length === 0 ? "" : ` (${ended.join(", ")})`
  }`
}
