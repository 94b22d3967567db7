import { Array as Arr, Clock, Effect, FileSystem, Path, Schema } from "effect"
import { randomBytes } from "node:crypto"
import { example, isActive, leastLength, parse, type Secret } from "../Domain/Secret.ts"
import { type Config, settings } from "../Process/Config.ts"
import { messageOf } from "../Process/Failure.ts"

/** The webhook secrets, including expired ones, and their origin for display. */
export interface WebhookSecret {
  readonly secrets: Arr.NonEmptyReadonlyArray<Secret>
  readonly origin: string
  /** The file that holds the secrets, one a line; undefined for another origin. */
  readonly file?: string | undefined
}

/** No usable secret was found. */
export class SecretMissing extends Schema.TaggedError<SecretMissing>()("SecretMissing", {
  message: Schema.String,
  /** The fault, without its remedy. */
  reason: Schema.String
}) {}

type Source = Pick<Config, "secrets" | "secretFile" | "dataDir"> & Partial<Pick<Config, "dotEnv">>

/**
 * Finds the configured secrets, in the environment or in files. Fails when there are none, or none of them is active.
 */
export const find = Effect.fn("WebhookSecret.find")(function*(source: Source) {
  if (source.secrets !== undefined && Arr.isReadonlyArrayNonEmpty(source.secrets)) {
    const variable = settings.secrets.variable
    const origin = source.dotEnv?.variables.includes(variable)
      ? `${variable} (${source.dotEnv.file})`
      : variable
    return { secrets: yield* active(source.secrets, origin), origin }
  }
  const file = source.secretFile ?? (yield* keptFile(source))
  const origin = source.secretFile === undefined
    ? `generated, in ${file}`
    : `${file} (THREEQPR_WEBHOOK_SECRET_FILE)`
  return { secrets: yield* read(file), origin, file }
})

/** The secret that signs the program's own deliveries: the first active one. */
export const signing = Effect.fnUntraced(function*({ secrets }: WebhookSecret) {
  const now = yield* Clock.currentTimeMillis
  return (secrets.find((secret) => isActive(secret, now)) ?? secrets[0]).value
})

/**
 * Like `find`, but creates a secret when none is configured. It is stored in `DATA_DIR`, readable by its owner only.
 */
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

/** Reads the secrets of a file, one a line. Fails when there are none, one is invalid, or none is active. */
export const read = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString(file).pipe(
    Effect.mapError((error) => missing(`${file} cannot be read (${messageOf(error)})`))
  )
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "")
  const secrets = lines.map(parse).filter((secret) => secret !== undefined)
  if (secrets.length < lines.length) {
    const place = lines.findIndex((line) => parse(line) === undefined) + 1
    return yield* missing(
      `secret ${place} of ${file} is not valid. A secret has at least ${leastLength} characters, and one that expires is `
        + `written ${example}`
    )
  }
  return yield* active(secrets, file)
})

const active = Effect.fnUntraced(function*(secrets: ReadonlyArray<Secret>, origin: string) {
  const now = yield* Clock.currentTimeMillis
  if (!Arr.isReadonlyArrayNonEmpty(secrets)) return yield* missing(`${origin} is empty`)
  if (!secrets.some((secret) => isActive(secret, now))) {
    return yield* missing(`every secret of ${origin} has expired`)
  }
  return secrets
})

const keptFile = (source: Source) =>
  Effect.map(Path.Path, (path) => path.join(source.dataDir, "webhook-secret"))

const missing = (reason: string) =>
  new SecretMissing({
    reason,
    message:
      `No webhook secret: ${reason}. Set THREEQPR_WEBHOOK_SECRET, or THREEQPR_WEBHOOK_SECRET_FILE to a file `
      + "that holds it. Or start `serve` first, which generates one."
  })
