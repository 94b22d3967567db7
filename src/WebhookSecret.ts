import { Array as Arr, Effect, FileSystem, Option, Path, Redacted, Schema } from "effect"
import { randomBytes } from "node:crypto"
import type { Config } from "./Config.ts"

/** The active webhook secrets, and where they come from, to be shown. */
export interface WebhookSecret {
  readonly secrets: Arr.NonEmptyReadonlyArray<Redacted.Redacted<string>>
  readonly origin: string
}

/** No secret can be had. */
export class SecretMissing
  extends Schema.TaggedError<SecretMissing>()("SecretMissing", { message: Schema.String })
{}

type Source = Pick<Config, "secrets" | "secretFile" | "dataDir">

/** The secrets that are set, in the environment or in files; fails when there are none. */
export const find = Effect.fn("WebhookSecret.find")(function*(source: Source) {
  if (source.secrets !== undefined && Arr.isReadonlyArrayNonEmpty(source.secrets)) {
    return { secrets: source.secrets, origin: "THREEQPR_WEBHOOK_SECRET" }
  }
  if (source.secretFile !== undefined) {
    const secrets = yield* read(source.secretFile)
    return { secrets, origin: `${source.secretFile} (THREEQPR_WEBHOOK_SECRET_FILE)` }
  }
  const file = yield* keptFile(source)
  return { secrets: yield* read(file), origin: `our own; \`cat ${file}\` shows it` }
})

/** As `find`; but with none set, makes one and keeps it in `DATA_DIR`, readable by its owner only. */
export const findOrMake = Effect.fn("WebhookSecret.findOrMake")(function*(source: Source) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = yield* keptFile(source)
  const isSet = (source.secrets ?? source.secretFile) !== undefined
  if (!isSet && !(yield* fs.exists(file))) {
    yield* fs.makeDirectory(path.dirname(file), { recursive: true })
    yield* fs.writeFileString(file, `whsec_${randomBytes(24).toString("hex")}\n`, { mode: 0o600, flag: "wx" })
  }
  return yield* find(source)
})

const keptFile = (source: Source) =>
  Effect.map(Path.Path, (path) => path.join(source.dataDir, "webhook-secret"))

const read = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.option(fs.readFileString(file))
  const secrets = Option.getOrElse(text, () => "").split(/\r?\n/).map((line) => line.trim()).filter((line) =>
    line !== ""
  )
  if (!Arr.isReadonlyArrayNonEmpty(secrets)) {
    return yield* new SecretMissing({
      message: `No webhook secret: ${file} ${Option.isNone(text) ? "cannot be read" : "is empty"}. Set `
        + "THREEQPR_WEBHOOK_SECRET, or THREEQPR_WEBHOOK_SECRET_FILE to a file that holds it; or start `serve` "
        + "first, which makes one."
    })
  }
  return Arr.map(secrets, (secret) => Redacted.make(secret, { label: "webhook secret" }))
})
