import { Clock, Context, Effect, Layer, Option } from "effect"
import { HttpServer } from "effect/http"
import type { Role } from "../../Domain/Role.ts"
import * as AdminToken from "../../Process/AdminToken.ts"
import type { Config } from "../../Process/Config.ts"
import * as DataDir from "../../Process/DataDir.ts"
import { ProcessHealth } from "../../Process/ProcessHealth.ts"
import * as Stopping from "../../Process/Stopping.ts"
import * as WebhookSecret from "../../Signature/WebhookSecret.ts"

/**
 * Starts the roles, with telemetry. Runs until a required part ends or until it is interrupted. `definitions` are read
 * models that a program gives instead of a file. `whenReady` runs after the start.
 */
export const run = Effect.fnUntraced(
  function*(
    config: Config,
    active: ReadonlySet<Role>,
    definitions: ReadonlyArray<unknown> = [],
    whenReady: (addresses: Addresses) => void = () => {}
  ) {
    const Otlp = yield* Effect.promise(() => import("../../Process/Telemetry/Otlp.ts"))
    return yield* Stopping.report(
      Effect.flatMap(start(config, active, definitions), ({ addresses, died }) => {
        whenReady(addresses)
        return died
      })
    ).pipe(Effect.provide(Otlp.layer(config)))
  }
)

/** The addresses of the listeners on this machine. */
export interface Addresses {
  /** Undefined without the role `ingress`. */
  readonly public: string | undefined
  readonly private: string
}

const start = Effect.fnUntraced(function*(
  config: Config,
  active: ReadonlySet<Role>,
  definitions: ReadonlyArray<unknown>
) {
  const started = yield* Clock.currentTimeMillis
  // Loaded here, so that other commands do not load the engines.
  const { layer } = yield* Effect.promise(() => import("./App.ts"))
  const { PublicListener } = yield* Effect.promise(() => import("../../Ingress/Http.ts"))
  const OnCall = yield* Effect.promise(() => import("../../Process/OnCall.ts"))
  // Check this before anything is created: streams, tables and files would remain.
  const Access = yield* Effect.promise(() => import("../../Admin/Access/Access.ts"))
  yield* Access.check({ host: config.adminHost, token: config.adminToken })
  const own = yield* ownReadModels(config, active, definitions)
  if (needsDataDir(config, active)) yield* DataDir.prepare(config.dataDir)
  const { file, variables } = config.dotEnv
  if (variables.length > 0) yield* Effect.logInfo(`settings of ${file}: ${variables.join(", ")}`)
  const adminToken = yield* adminTokenOf(config, active)
  const secret = yield* WebhookSecret.findOrMake(config)
  yield* Effect.logInfo(`webhook secret: ${secret.origin}`)
  const services = yield* Layer.build(layer(config, secret, active, adminToken, own))
  const ready = (yield* Clock.currentTimeMillis) - started
  yield* Effect.logInfo(`ready in ${(ready / 1000).toFixed(1)} s (${[...active].join(", ")})`)
  yield* OnCall.report(active.has("ingress")).pipe(Effect.provideContext(services), Effect.forkScoped)
  const addresses: Addresses = {
    public: Option.getOrUndefined(Context.getOption(services, PublicListener))?.url,
    private: yield* HttpServer.addressFormattedWith(Effect.succeed).pipe(Effect.provideContext(services))
  }
  return { addresses, died: Context.get(services, ProcessHealth).died }
})

/** The read models that a program gives, or those of the file that PROJECTIONS names. Receivers need none. */
const ownReadModels = Effect.fnUntraced(function*(
  { projections: file }: Config,
  active: ReadonlySet<Role>,
  definitions: ReadonlyArray<unknown>
) {
  if (!(active.has("projector") || active.has("admin"))) return []
  if (file === undefined && definitions.length === 0) return []
  const { compiled, load } = yield* Effect.promise(() => import("../../Projector/Own/Load.ts"))
  const own = yield* file === undefined
    ? compiled(definitions, (_, at) => ({ place: `projections[${at}]`, placeOf: () => undefined }))
    : load(file)
  yield* Effect.logInfo(
    `read models of ${file ?? "the program"}: ${
      own.map(({ name, version }) => `${name} (version ${version})`).join(", ")
    }`
  )
  return own
})

/**
 * The token that the private listener requires. Without the admin role, the listener serves health and the process's
 * own metrics only. It then requires a token only if one is set.
 */
const adminTokenOf = Effect.fnUntraced(function*(config: Config, active: ReadonlySet<Role>) {
  if (!active.has("admin")) return config.adminToken && { token: config.adminToken, file: undefined }
  const found = yield* AdminToken.findOrMake(config)
  if (found === undefined) {
    yield* Effect.logWarning(
      "ADMIN_WITHOUT_TOKEN is true: every user and program of this machine can read and change everything"
    )
  } else if (found.file !== undefined) {
    yield* Effect.logInfo(
      `admin token: generated, in ${found.file}. \`threeqpr dashboard\` prints a sign-in link`
    )
  }
  return found
})

/** Whether the data folder stores an embedded engine or a generated secret. */
const needsDataDir = (config: Config, active: ReadonlySet<Role>) =>
  config.natsUrl === undefined || (config.secrets ?? config.secretFile) === undefined
  || (config.databaseUrl === undefined && (active.has("projector") || active.has("admin")))
