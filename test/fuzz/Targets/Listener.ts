import { Effect, FileSystem, Redacted } from "effect"
import { fileURLToPath } from "node:url"
import { isDeepStrictEqual } from "node:util"
import { outcomes } from "../../../src/Process/Metrics.ts"
import { send } from "../../support/Http.ts"
import * as Postgres from "../../support/Postgres.ts"
import { serve } from "../../support/Serve.ts"
import { kinds } from "../Cases.ts"
import { secret } from "../Ledger.ts"
import { storms } from "../Storms.ts"
import { maxBodyBytes, maxInFlight, type Surroundings, type Target } from "../Target.ts"

/** The token of the private listener, which no case sends. */
const adminToken = "the-token-of-the-operator"

const headers = { authorization: `Bearer ${adminToken}` }

/** The outcomes that cases can cause. Only a client with the token can erase an event, which then is delivered again. */
const reachable = outcomes.filter((outcome) => outcome !== "erased")

/** Both listeners of a real `serve`. */
export const listener = Effect.fnUntraced(function*({ broker }: Surroundings) {
  const fs = yield* FileSystem.FileSystem
  const secretFile = `${yield* fs.makeTempDirectoryScoped()}/secret`
  yield* fs.writeFileString(secretFile, Redacted.value(secret))
  const postgres = yield* Postgres.start
  const process = yield* serve(
    {
      NATS_URL: broker.url,
      NATS_TOKEN: broker.token,
      DATABASE_URL: postgres.url,
      THREEQPR_WEBHOOK_SECRET_FILE: secretFile,
      ADMIN_TOKEN: adminToken,
      MAX_IN_FLIGHT: String(maxInFlight),
      MAX_BODY_BYTES: String(maxBodyBytes)
    },
    ["--role", "ingress", "--role", "admin"],
    { preload: fileURLToPath(new URL("../probe.ts", import.meta.url)) }
  )
  const [publicPort, privatePort] = [process.webhook, process.admin].map((url) => Number(new URL(url).port))
  return {
    name: "the listeners of serve",
    process,
    kinds,
    storms,
    statuses: [200, 400, 401, 403, 404, 405, 408, 413, 415, 431, 503],
    continues: true,
    portOf: ({ listener }) => (listener === "private" ? privatePort : publicPort) ?? NaN,
    ready: () => fetch(new URL("/readyz", process.webhook)).then(({ ok }) => ok, () => false),
    outcomes: Effect.fnUntraced(function*(found) {
      const { body: metrics } = yield* send(`${process.admin}/metrics`, { headers })
      const { body: operations } = yield* send(`${process.admin}/v1/operations`, { headers })
      if (!isDeepStrictEqual(operations, { operations: [] })) {
        found("a client without a token", `began ${JSON.stringify(operations)}`)
      }
      return Object.fromEntries(reachable.map((outcome) => {
        const line = new RegExp(`^threeqpr_deliveries_total\\{outcome="${outcome}"\\} (\\d+)`, "m")
        return [outcome, Number(line.exec(String(metrics))?.[1] ?? 0)]
      }))
    })
  } satisfies Target
})
