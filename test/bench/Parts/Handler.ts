import { Effect } from "effect"
import { contest, type Entrant, ours } from "../Contest.ts"
import type { Part, Runtime } from "../Part.ts"
import { broker } from "../Stores.ts"

const servers: Readonly<Record<Runtime, { readonly name: string; readonly script: string }>> = {
  node: { name: "the web handler in Hono", script: "./handlers/hono.ts" },
  deno: { name: "the web handler in Deno.serve", script: "./handlers/deno.ts" }
}

/** The web handler against the public listener on the same broker, on each runtime. */
export const handler: Part = {
  name: "handler",
  about: "requests/s through the web handler in Hono (Node) and Deno.serve, against the public listener",
  run: Effect.fnUntraced(function*(options) {
    const store = yield* broker
    const pairs = options.runtimes.map((runtime) => {
      const mounted: Entrant = { ...servers[runtime], runtime, store }
      return [mounted, ours(runtime, store)] as const
    })
    return yield* contest(pairs.flat(), pairs, options)
  })
}
