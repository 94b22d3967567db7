import { Console, Duration, Effect } from "effect"
import { Command } from "effect/cli"
import type { ProjectionAnswer } from "../../Admin/Api/Projections.ts"
import { adminUrlFlag, jsonFlag } from "../Flags.ts"
import { type Paint, paint, printJson, table } from "../Output.ts"
import { calls } from "./Calls.ts"
import { number, percentOf } from "./WatchProjections.ts"

/** `threeqpr projections list`: the position and the lag of each read model. */
export const list = Command.make(
  "list",
  { json: jsonFlag, adminUrl: adminUrlFlag },
  Effect.fnUntraced(function*({ adminUrl, json }) {
    const projections = yield* (yield* calls(adminUrl)).list
    if (json) return yield* Effect.forEach(projections, printJson, { discard: true })
    if (projections.length === 0) {
      return yield* Console.error("There is no projection yet: no process with the role projector has run.")
    }
    const colours = yield* paint
    yield* table(columns, projections.map((projection) => cells(projection, colours)))
  })
).pipe(
  Command.withDescription("List the read models, with their lag and whether every event is in them"),
  Command.withExamples([
    { command: "threeqpr projections list", description: "Position, lag, and what is missing (0)" },
    {
      command: "threeqpr projections list --json | jq '.completeness.missing'",
      description: "For a program, one JSON object per projection"
    }
  ])
)

const columns = [
  { title: "PROJECTION" },
  { title: "GEN", right: true },
  { title: "APPLIED", right: true },
  { title: "LAG", right: true },
  { title: "DEAD", right: true },
  { title: "MISSING", right: true },
  { title: "POSITION", right: true },
  { title: "STATE" }
]

const cells = (projection: ProjectionAnswer, colours: Paint) => {
  const { completeness: { applied, dead_letters, missing }, finished_to, generation, lag, name } = projection
  return [
    name,
    String(generation),
    number(applied),
    number(lag),
    dead_letters > 0 ? colours.red(number(dead_letters)) : "0",
    missing > 0 ? colours.red(number(missing)) : "0",
    number(finished_to),
    stateOf(projection, colours)
  ]
}

const stateOf = (projection: ProjectionAnswer, { green, red, yellow }: Paint) => {
  const { fault, lag, lag_seconds, last_error, rebuild, rebuild_due, version } = projection
  if (rebuild !== null) {
    const { kind, progress, state } = rebuild
    return yellow(
      `${kind} ${progress === null || state === "comparing" ? state : `${percentOf(progress)} %`}`
    )
  }
  if (fault !== null) return red(fault)
  if (rebuild_due) return yellow(`rebuild due (v${version})`)
  if (lag === 0) return green("up to date")
  const behind = `${Duration.format(Duration.seconds(Math.round(lag_seconds)))} behind`
  return last_error === null ? behind : yellow(`${behind}; last wait: ${last_error.message}`)
}
