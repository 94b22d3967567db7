import type { Effect, Scope } from "effect"
import { fileURLToPath } from "node:url"
import type { NatsProcess } from "./NatsProcess.ts"
import { type Serve, spawnMain, started } from "./Serve.ts"

interface Launch {
  readonly options?: { readonly maxBodyBytes?: number; readonly maxInFlight?: number }
  /** A module to load before the program. */
  readonly preload?: string
}

/** A web handler on a broker, in the server of the runtime and in its own process. */
export const handlerOn = (
  { token, url }: NatsProcess,
  secret: string,
  { options = {}, preload }: Launch = {}
): Effect.Effect<Serve, never, Scope.Scope> =>
  started(() => {
    const given = JSON.stringify({ secrets: [secret], natsUrl: url, token, ...options })
    const entry = fileURLToPath(new URL("../fixtures/run-handler.ts", import.meta.url))
    return spawnMain([given], {}, { entry, ...(preload === undefined ? {} : { preload }) })
  })
