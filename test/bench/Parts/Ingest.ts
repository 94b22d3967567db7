import { Effect } from "effect"
import { contest, type Entrant, ours } from "../Contest.ts"
import type { Part, Runtime } from "../Part.ts"
import { broker } from "../Stores.ts"

/** This project against handlers without a framework on the same broker, on each runtime. */
export const ingest: Part = {
  name: "ingest",
  about: "requests/s through the public listener, against bare handlers on the same broker",
  run: Effect.fnUntraced(function*(options) {
    const store = yield* broker
    const perRuntime = options.runtimes.map((runtime) => {
      const bare = (name: string, script: string): Entrant => ({ name, runtime, script, store })
      return {
        ours: ours(runtime, store),
        publish: bare("(a) node:http, js.publish", "./peers/publish.ts"),
        inbox: bare("(b) node:http, one inbox", "./peers/inbox.ts")
      }
    })
    const [first, second] = perRuntime
    return yield* contest(
      [
        ...perRuntime.flatMap(({ inbox, ours, publish }) => [ours, publish, inbox]),
        ceiling(options.runtimes[0] ?? "node")
      ],
      [
        ...perRuntime.flatMap(({ inbox, ours, publish }) => [[ours, publish], [ours, inbox]] as const),
        ...(first && second ? [[second.ours, first.ours] as const] : [])
      ],
      options
    )
  })
}

const ceiling = (runtime: Runtime): Entrant => ({
  name: "empty handler: the load's own limit",
  runtime,
  script: "./peers/empty.ts",
  store: undefined
})
