import { Effect } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { contest, type Entrant, ours } from "../Contest.ts"
import type { Part } from "../Part.ts"
import { broker } from "../Stores.ts"

/** The cost of exporting traces, logs and metrics for a delivery. Without a collector none of them are created. */
export const tracing: Part = {
  name: "tracing",
  about: "the same without and with an OpenTelemetry collector, all traces recorded and none",
  onlyWhenNamed: true,
  run: Effect.fnUntraced(function*(options) {
    const store = yield* broker
    const collector = yield* sink
    const perRuntime = options.runtimes.map((runtime) => {
      const off: Entrant = { ...ours(runtime, store), name: "no collector" }
      const exporting = (name: string, sampler: string): Entrant => ({
        ...off,
        name,
        environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector, OTEL_TRACES_SAMPLER: sampler }
      })
      return {
        off,
        none: exporting("collector, no trace", "always_off"),
        all: exporting("collector, every trace", "always_on")
      }
    })
    return yield* contest(
      perRuntime.flatMap(({ all, none, off }) => [off, none, all]),
      perRuntime.flatMap(({ all, none, off }) => [[none, off], [all, off]] as const),
      options
    )
  })
}

/** A collector that accepts everything and stores nothing. */
const sink = Effect.acquireRelease(
  Effect.callback<ReturnType<typeof createServer>>((resume) => {
    const server = createServer((request, response) => {
      request.resume().on("end", () => response.setHeader("content-type", "application/json").end("{}"))
    })
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close().closeAllConnections())
).pipe(Effect.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`))
