import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { externalTarget } from "../../EventLog/External.ts"
import type { Target } from "../../Nats/Nats.ts"
import { readConnection } from "../../Nats/Server/Connection.ts"
import { load } from "../../Process/Config.ts"

/** The broker that `serve` uses in this environment: the one of NATS_URL, or the embedded one of DATA_DIR. */
export const environment = Effect.gen(function*() {
  const config = yield* load()
  if (config.natsUrl !== undefined) return externalTarget(config, config.natsUrl)
  const { token, url } = yield* readConnection(config.dataDir)
  const target: Target = { servers: [url], token }
  return target
}).pipe(Effect.provide(NodeServices.layer))
