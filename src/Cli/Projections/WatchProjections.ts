import { Clock, Duration, Effect } from "effect"
import type { RebuildAnswer } from "../../Admin/Api/Projections.ts"
import { CommandFailed } from "../CommandFailed.ts"
import { liveLine } from "../LiveLine.ts"
import type { Calls } from "./Calls.ts"

/**
 * Shows the progress of a rebuild on standard error until it ends. On a terminal one line is updated; elsewhere a
 * line is printed every ten seconds. Fails when the rebuild failed or was cancelled. Interrupting the watch does not
 * stop the rebuild.
 */
export const watch = Effect.fnUntraced(function*(calls: Calls, rebuild: RebuildAnswer) {
  const { generation, id, projection: name } = rebuild
  const screen = yield* liveLine
  yield* screen.say(`${rebuild.kind} of ${name}: generation ${generation}`)
  let current = rebuild
  let moved = { at: yield* Clock.currentTimeMillis, what: "", told: false }
  yield* Effect.gen(function*() {
    while (current.finished_at === null) {
      const now = yield* Clock.currentTimeMillis
      const what = `${current.state} ${current.started_at} ${current.progress?.done}`
      if (what !== moved.what) moved = { at: now, what, told: false }
      if (now - moved.at >= silence && !moved.told) {
        moved.told = true
        yield* screen.say(stuck(current))
      }
      yield* screen.show(lineOf(current))
      yield* Effect.sleep("500 millis")
      const answer = yield* Effect.result(calls.get(name, id))
      if (answer._tag === "Success") current = answer.success
      else if (!answer.failure.transient) return yield* answer.failure
      else yield* screen.show(`${answer.failure.message} Retrying…`)
    }
  }).pipe(Effect.onInterrupt(() => screen.say(goesOn(current))), Effect.ensuring(screen.clear))
  if (current.state === "failed" || current.state === "cancelled") {
    return yield* new CommandFailed({
      message: `The ${current.kind} of ${name} (generation ${generation}) ${
        current.state === "failed" ? `failed: ${current.error}` : "was cancelled."
      }`
    })
  }
  return current
})

/** Time without progress after which a message is printed, in milliseconds. */
const silence = 15_000

const stuck = ({ error, started_at }: RebuildAnswer) =>
  error === null
    ? `There was no progress for ${silence / 1_000} s${
      started_at === null ? ", because no projector has started it" : ""
    }. `
      + "Check that a process with the role projector is running (`threeqpr serve`)."
    : `There was no progress for ${silence / 1_000} s: ${error}`

const goesOn = ({ kind, projection }: RebuildAnswer) =>
  `The ${kind} of ${projection} continues. \`threeqpr projections watch ${projection}\` shows it, `
  + `\`threeqpr projections cancel ${projection}\` ends it.`

/** The progress of a rebuild, for people. */
export const lineOf = ({ kind, progress, projection, state }: RebuildAnswer) => {
  const what = `${kind} of ${projection}`
  if (progress === null) return `${what}: ${state}`
  const { done, per_second, seconds_left, total } = progress
  const left = seconds_left === null
    ? ""
    : `, ${Duration.format(Duration.seconds(Math.ceil(seconds_left)))} left`
  return state === "comparing"
    ? `${what}: comparing ${number(total)} events`
    : `${what}: ${number(done)} of ${number(total)} events (${percentOf({ done, total })} %), ${
      number(Math.round(per_second))
    }/s${left}`
}

/** The finished percentage, rounded down. */
export const percentOf = ({ done, total }: { readonly done: number; readonly total: number }) =>
  total === 0 ? 100 : Math.floor((100 * done) / total)

export const number = (value: number) => value.toLocaleString("en-US")
