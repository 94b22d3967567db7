import { Clock, Effect, Layer } from "effect"
import { Command, Flag } from "effect/cli"
import * as AdminToken from "../AdminToken.ts"
import { type Config, load } from "../Config.ts"
import * as DataDir from "../DataDir.ts"
import { type Role, roles } from "../Role.ts"
import * as Stopping from "../Stopping.ts"
import * as Telemetry from "../Telemetry.ts"
import { Vitals } from "../Vitals.ts"
import * as WebhookSecret from "../WebhookSecret.ts"
import { given, settingFlag } from "./Flags.ts"

/** `threeqpr serve`: runs until it is told to stop, or until a part it cannot do without has ended. */
export const serve = Command.make(
  "serve",
  {
    role: Flag.Literals("role", roles).pipe(
      Flag.withDescription("Run only this role; repeatable. Without it, all roles run"),
      Flag.atLeast(0)
    ),
    host: settingFlag("host", "host"),
    port: settingFlag("port", "port"),
    adminHost: settingFlag("admin-host", "adminHost"),
    adminPort: settingFlag("admin-port", "adminPort"),
    dataDir: settingFlag("data-dir", "dataDir"),
    reconcileEvery: settingFlag("reconcile-every", "reconcileEvery")
  },
  Effect.fnUntraced(function*({ role, ...flags }) {
    const config = yield* load(given(flags))
    const active = new Set(role.length > 0 ? role : roles)
    const Otlp = yield* Effect.promise(() => import("../Telemetry/Otlp.ts"))
    yield* Stopping.report(run(config, active)).pipe(
      Effect.provide(Otlp.layer(config)),
      Telemetry.withLogLevel(config.logLevel)
    )
  })
).pipe(
  Command.withDescription("Receive webhooks, store the events, project them, answer queries"),
  Command.withExamples([
    { command: "threeqpr serve", description: "Everything, on the embedded broker and database" },
    {
      command: "threeqpr serve --role projector",
      description: "One more projector for a shared NATS and Postgres"
    }
  ])
)

const run = Effect.fnUntraced(function*(config: Config, active: ReadonlySet<Role>) {
  const started = yield* Clock.currentTimeMillis
  // Being stopped is how this command ends.
  process.exitCode = 0
  // Loaded here, so that the other commands do not wait for engines that they have no use for.
  const { layer } = yield* Effect.promise(() => import("../App.ts"))
  const OnCall = yield* Effect.promise(() => import("../OnCall.ts"))
  // Before anything is made: streams, tables and files would remain.
  const Access = yield* Effect.promise(() => import("../Admin/Access.ts"))
  yield* Access.check({ host: config.adminHost, token: config.adminToken })
  if (needsDataDir(config, active)) yield* DataDir.prepare(config.dataDir)
  const { file, variables } = config.dotEnv
  if (variables.length > 0) yield* Effect.logInfo(`settings of ${file}: ${variables.join(", ")}`)
  const adminToken = yield* adminTokenOf(config, active)
  const secret = yield* WebhookSecret.findOrMake(config)
  yield* Effect.logInfo(`webhook secret: ${secret.origin}`)
  const services = yield* Layer.build(layer(config, secret, active, adminToken))
  const ready = (yield* Clock.currentTimeMillis) - started
  yield* Effect.logInfo(`ready in ${(ready / 1000).toFixed(1)} s (${[...active].join(", ")})`)
  yield* OnCall.report(active.has("ingress")).pipe(Effect.provideContext(services), Effect.forkScoped)
  return yield* Effect.flatMap(Vitals, ({ died }) => died).pipe(Effect.provideContext(services))
})

/**
 * The token that the private listener demands. Without the admin role it has health and its own metrics only: there a
 * token is demanded if one is set.
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
      `admin token: our own; \`cat ${found.file}\` shows it, and \`threeqpr dashboard\` signs a browser in`
    )
  }
  return found
})

/** Whether an embedded engine or a secret of our own is kept in the data folder. */
const needsDataDir = (config: Config, active: ReadonlySet<Role>) =>
  config.natsUrl === undefined || (config.secrets ?? config.secretFile) === undefined
  || (config.databaseUrl === undefined && (active.has("projector") || active.has("admin")))
