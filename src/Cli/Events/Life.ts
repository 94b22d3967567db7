import { Console, Effect } from "effect"
import type { EventLife } from "../../Admin/Api/EventLife.ts"
import { paint, table } from "../Output.ts"

/** Prints what happened to one event, one line for each step. */
export const showLife = Effect.fnUntraced(function*(life: EventLife) {
  const { bold, green, red, yellow } = yield* paint
  const colour = (state: string) =>
    state === "applied" || state === "released"
      ? green(state)
      : state === "dead_letter" || state === "unknown" || state === "dead"
      ? red(state)
      : yellow(state)
  yield* Console.log(`${bold(life.id)}  ${life.type ?? "unknown type"}\n`)
  yield* table([{ title: "WHAT" }, { title: "WHERE" }, { title: "STATE" }, { title: "MORE" }], [
    ...life.stored.map((stored) => [
      "stored",
      `sequence ${stored.sequence}`,
      stored.quarantined === null ? stored.subject : yellow(`quarantined: ${stored.quarantined}`),
      `received ${stored.received_at}, ${
        stored.reconciliation === null
          ? stored.signed ? "signed" : "not signed"
          : `reconciliation ${stored.reconciliation}`
      }${stored.quarantined_as === null ? "" : `, was in quarantine as ${stored.quarantined_as}`}`
    ]),
    ...life.projections.map((fate) => [
      "projection",
      fate.durable,
      fate.state === "not_mine" ? fate.state : colour(fate.state),
      moreOf(fate)
    ]),
    ...life.operations.map(({ at, by, error, id, kind, reason, result }) => [
      kind,
      id,
      result === null ? yellow("not ended") : colour(result),
      `by ${by} at ${at}${reason === null ? "" : `: ${reason}`}${error === null ? "" : `: ${error}`}`
    ]),
    ...life.rows.map(({ current, event_id, key, table }) => [
      "row",
      `${table} ${key}`,
      current ? green("current") : yellow("overwritten"),
      current ? "" : `by ${event_id}`
    ])
  ])
})

const moreOf = (
  { dead_letter, finished_to, lag, repeated, sequence, state }: EventLife["projections"][number]
) => {
  const again = repeated.length === 0 ? "" : `, repeated at ${repeated.join(", ")}`
  if (state === "waiting") return `is at sequence ${finished_to}, ${lag} behind`
  if (dead_letter !== null && state === "dead_letter") {
    return `${dead_letter.id}: ${dead_letter.error}${again}`
  }
  return sequence === null ? "" : `at sequence ${sequence}${again}`
}
