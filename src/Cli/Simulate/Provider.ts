import { Clock, Console, Context, Effect, Layer, Redacted } from "effect"
import { randomBytes } from "node:crypto"
import { localWebhook } from "../../Domain/WebhookPath.ts"
import * as Account from "../../Provider/Simulator/Account.ts"
import { SimulatedApi } from "../../Provider/Simulator/Api.ts"
import { codes, createdCode } from "../../Provider/Simulator/World.ts"

const day = 86_400_000

/**
 * Serves 3QPR's API on this machine until the scope closes, and prints how to register a webhook with it. It uses the
 * configured key, or prints a key that it generates for this run. That key is valid for this simulator only.
 */
export const serveApi = Effect.fnUntraced(
  function*(port: number, key: Redacted.Redacted<string> | undefined) {
    const account = yield* Account.make()
    const now = yield* Clock.currentTimeMillis
    // These codes were created in 3QPR's portal before the run, so no event names them.
    codes.forEach((code, index) => account.recordCode(createdCode(code, now - (index + 1) * day)))
    const made = Redacted.make(`3qpr_sk_test_${randomBytes(12).toString("hex")}`)
    const api = yield* Layer.build(
      SimulatedApi.layer({ account, host: "127.0.0.1", port, key: key ?? made })
    )
    const { url } = Context.get(api, SimulatedApi)
    yield* Console.error(`3QPR's API is at ${url}. Waiting for a webhook:`)
    yield* Console.error(
      `  THREEQPR_API_URL=${url} THREEQPR_API_KEY=${key === undefined ? Redacted.value(made) : "…"} \\\n`
        + `  threeqpr register --url ${localWebhook(3000)} --write-env .env`
    )
    return account
  }
)
