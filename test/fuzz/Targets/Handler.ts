import { Effect, Redacted } from "effect"
import nodeProcess from "node:process"
import { fileURLToPath } from "node:url"
import { handlerOn } from "../../support/Handler.ts"
import { until } from "../../support/Until.ts"
import type { Case, Kind } from "../Case.ts"
import { publicKinds } from "../Cases.ts"
import { secret } from "../Ledger.ts"
import { authentic } from "../Request.ts"
import { storms } from "../Storms.ts"
import { maxBodyBytes, maxInFlight, type Surroundings, type Target } from "../Target.ts"
import { exchange } from "../Wire.ts"

const onDeno = nodeProcess.versions["deno"] !== undefined

/** A handler has no health. `Deno.serve` answers a client that begins HTTP/2 in HTTP/2. */
const notForHandlers = onDeno ? /^(health|no HTTP$)/ : /^health/

/** Bounds on heads and on pipelines belong to the server in which a handler is mounted. */
const ofTheServer = new Set(["slow heads", "drops of a head", "endless pipeline"])

/**
 * `node:http` and `Deno.serve` drop a client that has closed its half. `Deno.serve` also closes a connection whose body
 * was not read.
 */
const mayBeClosed = ({ answers, mayClose, steps }: Omit<Case, "kind">) =>
  mayClose === true
  || steps.includes("half-close")
  || (onDeno && answers.flat().some((status) => status >= 400))

/**
 * A handler has no path of its own: it answers a request for another path like one for its own. It answers 503 when the
 * server reports that the client is gone.
 */
const toHandler = ({ kind, make, weight }: Kind): Kind => ({
  kind,
  weight,
  make: (means) => {
    const one = make(means)
    const mayClose = mayBeClosed(one)
    const answers = one.answers.map((statuses) => [
      ...statuses,
      ...(statuses.includes(404) ? [400, 405, 413] : []),
      ...(mayClose ? [503] : [])
    ])
    return { ...one, answers, mayClose }
  }
})

/** The web handler in `node:http`, or in `Deno.serve` on Deno. */
export const handler = Effect.fnUntraced(function*({ broker, ledger }: Surroundings) {
  const process = yield* handlerOn(broker, Redacted.value(secret), {
    options: { maxBodyBytes, maxInFlight },
    preload: fileURLToPath(new URL("../probe.ts", import.meta.url))
  })
  const port = Number(new URL(process.webhook).port)
  const ready = async () => {
    const body = ledger.event({ ready: true })
    const { responses } = await exchange(port, [authentic({ ledger }, body)], { answers: 1 })
    return responses[0]?.status === 200
  }
  // Connects, because the first delivery loads the client of the broker in one long turn.
  yield* until("the handler stores", Effect.promise(ready), (stored) => stored)
  return {
    name: onDeno ? "the web handler in Deno.serve" : "the web handler in node:http",
    process,
    kinds: publicKinds.filter(({ kind }) => !notForHandlers.test(kind)).map(toHandler),
    storms: storms.filter(({ kind }) => !ofTheServer.has(kind)),
    statuses: [200, 400, 405, 408, 413, 415, 503],
    continues: !onDeno,
    portOf: () => port,
    ready,
    outcomes: () => Effect.succeed({})
  } satisfies Target
})
