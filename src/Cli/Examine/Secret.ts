import { Clock, Effect, FileSystem, Path } from "effect"
import process from "node:process"
import { isActive } from "../../Domain/Secret.ts"
import type { Config } from "../../Process/Config.ts"
import * as WebhookSecret from "../../Signature/WebhookSecret.ts"
import { failed, failedWith, ok, warning } from "./Finding.ts"
import { receiversWithOthers, remedy } from "./RunningSecrets.ts"
import type { Subject } from "./Subject.ts"

/** Checks the webhook secret: its origin, whether the receivers use it, and who can read its file. */
export const webhookSecret = Effect.fnUntraced(
  function*({ adminUrl, config }: Pick<Subject, "adminUrl" | "config">) {
    const found = yield* WebhookSecret.find(config)
    const now = yield* Clock.currentTimeMillis
    const secrets = found.secrets.filter((secret) => isActive(secret, now))
    const { origin } = found
    const count = secrets.length === 1 ? "" : `${secrets.length} secrets, any of which may sign: `
    const seen = `${count}${origin}`
    const others = yield* receiversWithOthers(config, adminUrl, secrets.map(({ value }) => value))
    if (others !== undefined && others.length > 0) {
      return failed(
        `${seen}; ${others.join(", ")} behind ${adminUrl} uses a different secret, and refuses it`,
        remedy
      )
    }
    const file = yield* fileOf(config)
    if (file !== undefined && (yield* isOpen(file))) {
      return warning(`${seen}; other users can read the file`, `Run \`chmod 600 ${file}\`.`)
    }
    return secrets.length === 1
      ? ok(seen)
      : warning(
        seen,
        "This is correct during a rotation. Remove the old secret when "
          + "threeqpr_signature_matches_total shows that it is no longer used."
      )
  },
  Effect.catchTag("SecretMissing", (error) => Effect.succeed(failedWith(error)))
)

const fileOf = ({ dataDir, secretFile, secrets }: Config) =>
  secrets === undefined
    ? Effect.map(Path.Path, (path) => secretFile ?? path.join(dataDir, "webhook-secret"))
    : Effect.succeed(undefined)

/** Whether other users may read a file. Windows has no such modes. */
const isOpen = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const { mode } = yield* fs.stat(file)
  return process.platform !== "win32" && (mode & 0o077) !== 0
})
