import { Console, Effect } from "effect"
import { resolve } from "node:path"
import { contest, type Entrant, ours } from "../Contest.ts"
import { median } from "../Median.ts"
import type { Options, Part } from "../Part.ts"
import { broker } from "../Stores.ts"
import { projected } from "./Projectors.ts"

/** This checkout against another one, such as an older revision. Each has its own broker and database. */
export const against: Part = {
  name: "against",
  about:
    "ingest and projection of this checkout against another one (--against FOLDER), 100,000 scans (--size)",
  onlyWhenNamed: true,
  run: Effect.fnUntraced(function*(options) {
    const entry = resolve(options.against ?? ".", "bin/threeqpr.js")
    const ingest = yield* Effect.scoped(ingesting(entry, options))
    const ratios = yield* projecting(entry, options)
    return { ...ingest, notes: [...ingest.notes, ...ratios] }
  }, Effect.orDie)
}

const ingesting = Effect.fnUntraced(function*(entry: string, options: Options) {
  const pairs: Array<readonly [now: Entrant, then: Entrant]> = []
  for (const runtime of options.runtimes) {
    const now = ours(runtime, yield* broker)
    pairs.push([now, { ...ours(runtime, yield* broker), name: "the other checkout", script: entry }])
  }
  return yield* contest(pairs.flat(), pairs, options)
})

const projecting = Effect.fnUntraced(function*(entry: string, { rounds, size = 100_000 }: Options) {
  const rates: Array<number> = []
  const cpus: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    const now = yield* Effect.scoped(projected(size, 1))
    const then = yield* Effect.scoped(projected(size, 1, entry))
    rates.push(then.seconds / now.seconds)
    cpus.push(now.cpuSeconds / then.cpuSeconds)
    yield* Console.error(`${Math.round(size / now.seconds)} and ${Math.round(size / then.seconds)} scans/s`)
  }
  const spread = (values: ReadonlyArray<number>) =>
    `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`
  return [`projection: scans/s × ${spread(rates)}, CPU × ${spread(cpus)}`]
})
