import { Effect, FileSystem, Redacted } from "effect"
import { Healthy } from "../fuzz/Healthy.ts"
import { Ledger, secret } from "../fuzz/Ledger.ts"
import * as NatsProcess from "./NatsProcess.ts"
import { type Launch, serve } from "./Serve.ts"

/** A receiver in a separate process, with a real broker. */
export const ingress = Effect.fnUntraced(
  function*(launch: Launch = {}, more: Readonly<Record<string, string>> = {}) {
    const fs = yield* FileSystem.FileSystem
    const secretFile = `${yield* fs.makeTempDirectoryScoped()}/secret`
    yield* fs.writeFileString(secretFile, Redacted.value(secret))
    const broker = yield* NatsProcess.start()
    const environment = {
      NATS_URL: broker.url,
      NATS_TOKEN: broker.token,
      THREEQPR_WEBHOOK_SECRET_FILE: secretFile,
      ...more
    }
    const target = yield* serve(environment, ["--role", "ingress"], launch)
    const ledger = new Ledger("abuse")
    const port = Number(new URL(target.webhook).port)
    return { broker, ledger, port, target, healthy: new Healthy(port, ledger) }
  }
)
