import { Console, Effect } from "effect"
import { join } from "node:path"
import type { Edit } from "../../protections/Protection.ts"
import * as Workspace from "../../protections/Workspace.ts"
import type { Part } from "../Part.ts"
import { projected } from "./Projectors.ts"

/** The cost of a projector's checks of its place in the log: the program against the same program without them. */
export const place: Part = {
  name: "place",
  about: "one projector with the checks of its place in the log against one without, 100,000 scans (--size)",
  onlyWhenNamed: true,
  run: Effect.fnUntraced(function*({ rounds, size = 100_000 }) {
    const whole = yield* programOf([])
    const unchecked = yield* programOf(unchecking)
    const run = (entry: string) => Effect.scoped(projected(size, 1, entry))
    const ratios: Array<{ readonly rate: number; readonly cpu: number }> = []
    for (let round = 0; round < rounds; round++) {
      // Alternates which one goes first.
      const order = round % 2 === 0 ? [whole, unchecked] : [unchecked, whole]
      const [a, b] = yield* Effect.forEach(order, run)
      const [ours, limit] = round % 2 === 0 ? [a, b] : [b, a]
      if (ours === undefined || limit === undefined) continue
      ratios.push({ rate: limit.seconds / ours.seconds, cpu: ours.cpuSeconds / limit.cpuSeconds })
      yield* Console.error(
        `${(size / ours.seconds).toFixed(0)} scans/s with it, ${
          (size / limit.seconds).toFixed(0)
        } without; CPU ${ratios.at(-1)?.cpu.toFixed(3)} ×`
      )
    }
    return {
      rows: [
        { what: "scans a second", ...spread(ratios.map(({ rate }) => rate)) },
        { what: "CPU of the projector", ...spread(ratios.map(({ cpu }) => cpu)) }
      ],
      notes: ["with the checks, against without them"],
      failures: []
    }
  }, Effect.orDie)
}

/** Edits that remove the checks of the place. */
export const unchecking: ReadonlyArray<Edit> = [
  {
    file: "src/Projector/Place/Keep.ts",
    text: "orBefore(one, state, unreadablePatience, lookAt(projection, one))",
    without: "Effect.succeed(running)"
  },
  {
    file: "src/Projector/Place/LogComparisons.ts",
    text: "return state.comparison !== undefined && state.connection === connection()",
    without: "return true"
  }
]

/** The program of a copy of this checkout, with edits. */
const programOf = Effect.fnUntraced(function*(edits: ReadonlyArray<Edit>) {
  const folder = yield* Workspace.make
  yield* Workspace.edited(folder, edits)
  return join(folder, "bin/threeqpr.js")
})

const spread = (values: Array<number>) => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? NaN).toFixed(3)
  return { median: at(0.5), least: at(0), most: at(1) }
}
