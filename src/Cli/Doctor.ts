import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import type { Config } from "../Process/Config.ts"
import { CommandFailed } from "./CommandFailed.ts"
import { report } from "./Doctor/Report.ts"
import { signature } from "./Doctor/Signature.ts"
import { adminUrl, adminUrlFlag, given, jsonFlag, settingFlag, warnOfPlainToken } from "./Flags.ts"
import { HttpUrl } from "./HttpUrl.ts"
import { printJson } from "./Output.ts"

/** `threeqpr doctor`: checks everything that a running system needs; exits with 1 when a check fails. */
export const doctor = Command.make(
  "doctor",
  {
    url: Flag.String("url").pipe(
      Flag.withDescription("The public listener (default http://127.0.0.1:<PORT>)"),
      Flag.withSchema(HttpUrl),
      Flag.optional
    ),
    adminUrl: adminUrlFlag,
    dataDir: settingFlag("data-dir", "dataDir"),
    json: jsonFlag
  },
  Effect.fnUntraced(function*({ dataDir, json, ...urls }) {
    // Loaded here, so that other commands do not load the clients of NATS and Postgres.
    const { examine } = yield* Effect.promise(() => import("./Examine/Examine.ts"))
    let used: Config | undefined
    const checks = yield* examine(given({ dataDir }), (config) => {
      used = config
      return {
        adminUrl: adminUrl(urls.adminUrl, config),
        url: adminUrl(urls.url, listening(config)).replace(/\/webhooks\/3qpr$/, "")
      }
    })
    if (used !== undefined) yield* warnOfPlainToken(adminUrl(urls.adminUrl, used), used)
    const failed = checks.filter(({ state }) => state === "failed")
    yield* json ? printJson({ ok: failed.length === 0, checks }) : report(checks)
    if (failed.length > 0) {
      const names = failed.map(({ check }) => check).join(", ")
      return yield* new CommandFailed({
        message: `${failed.length} of ${checks.length} checks failed: ${names}.`
      })
    }
  })
).pipe(
  Command.withDescription(
    "Check the settings, the broker, the database and the listeners, and say what to do"
  ),
  Command.withExamples([
    { command: "threeqpr doctor", description: "Check what `threeqpr serve` runs here" },
    {
      command: "threeqpr doctor --url https://hooks.example.com --admin-url http://10.0.0.7:3001",
      description: "Check listeners that run elsewhere"
    },
    { command: "threeqpr doctor --json", description: "For programs: `ok`, and each check with its state" }
  ]),
  Command.withSubcommands([signature])
)

/** A configuration in which `adminUrl` finds the address of the public listener. */
const listening = (config: Config): Config => ({ ...config, adminHost: config.host, adminPort: config.port })
