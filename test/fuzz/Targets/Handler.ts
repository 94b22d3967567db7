import { Effect, Redacted } from "effect"
import nodeProcess from "node:process"
import { fileURLToPath } from "node:url"
import { handlerOn } from "../../support/Handler.ts"
import type { Case, Kind } from "../Case.ts"
import { publicKinds } from "../Cases.ts"
import { secret } from "../Ledger.ts"
import { authentic } from "../Request.ts"
import { storms } from "../Storms.ts"
import { maxBodyBytes, maxInFlight, type Surroundings, type Target } from "../Target.ts"
import { exchange } from "../Wire.ts"

const onDeno = nodeProcess.versions["deno"] !== undefined

/** The health of the listener. A handler has none. */
const health = /^health/

/** Bounds on heads and on pipelines belong to the server in which a handler is mounted. */
const ofTheServer = new Set(["slow heads", "drops of a head", "endless pipeline"])

/**
 * `Deno.serve` closes a connection whose body was not read. It answers nothing after the client has closed its half.
 */
const mayBeClosed = ({ answers, steps }: Omit<Case, "kind">) =>
  steps.includes("half-close") || answers.flat().some((status) => status >= 400)

/** A handler has no path of its own. To a request for another path it answers as to one for its own. */
const toHandler = ({ kind, make, weight }: Kind): Kind => ({
  kind,
  weight,
  make: (means) => {
    const one = make(means)
    const answers = one.answers.map((statuses) =>
      statuses.includes(404) ? [...statuses, 400, 405, 413] : statuses
    )
    return { ...one, answers, mayClose: one.mayClose === true || (onDeno && mayBeClosed(one)) }
  }
})

/** The web handler in `node:http`, or in `Deno.serve` on Deno. */
export const handler = Effect.fnUntraced(function*({ broker, ledger }: Surroundings) {
  const process = yield* handlerOn(broker, Redacted.value(secret), {
    options: { maxBodyBytes, maxInFlight },
    preload: fileURLToPath(new URL("../probe.ts", import.meta.url))
  })
  const port = Number(new URL(process.webhook).port)
  return {
    name: onDeno ? "the web handler in Deno.serve" : "the web handler in node:http",
    process,
    kinds: publicKinds.filter(({ kind }) => !health.test(kind)).map(toHandler),
    storms: storms.filter(({ kind }) => !ofTheServer.has(kind)),
    statuses: [200, 400, 405, 408, 413, 415, 503],
    continues: !onDeno,
    portOf: () => port,
    ready: async () => {
      const body = ledger.event({ ready: true })
      const { responses } = await exchange(port, [authentic({ ledger }, body)], { answers: 1 })
      return responses[0]?.status === 200
    },
    outcomes: () => Effect.succeed({})
  } satisfies Target
})
