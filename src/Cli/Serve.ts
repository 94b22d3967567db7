import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import process from "node:process"
import { roles } from "../Domain/Role.ts"
import { load } from "../Process/Config.ts"
import { keepCodeSmall } from "../Process/SmallCode.ts"
import * as Telemetry from "../Process/Telemetry.ts"
import { given, settingFlag } from "./Flags.ts"
import { run } from "./Serve/Start.ts"

/** `threeqpr serve`: runs until a signal stops it, or until a required part ends. */
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
    reconcileEvery: settingFlag("reconcile-every", "reconcileEvery"),
    projections: settingFlag("projections", "projections")
  },
  Effect.fnUntraced(function*({ role, ...flags }) {
    const config = yield* load(given(flags))
    // This command ends when it is interrupted, so that is a success.
    process.exitCode = 0
    const active = new Set(role.length > 0 ? role : roles)
    if (active.size === 1 && active.has("ingress")) keepCodeSmall()
    yield* run(config, active).pipe(Telemetry.withLogLevel(config.logLevel))
  })
).pipe(
  Command.withDescription("Receive webhooks, store the events, project them, answer queries"),
  Command.withExamples([
    { command: "threeqpr serve", description: "All roles, on the embedded broker and the embedded database" },
    {
      command: "threeqpr serve --role projector",
      description: "An additional projector for a shared NATS and Postgres"
    }
  ])
)
