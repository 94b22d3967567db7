import { Effect, FileSystem, Path, Redacted, Schema } from "effect"
import { randomBytes } from "node:crypto"
import process from "node:process"
import { leastLength } from "../Domain/Secret.ts"
import { type Config, isLoopback } from "./Config.ts"
import { unusable } from "./DataDir.ts"
import { messageOf } from "./Failure.ts"
import { mayRead } from "./MayRead.ts"

/** `serve` has no token for its private listener, and cannot create one. */
export class AdminTokenMissing
  extends Schema.TaggedError<AdminTokenMissing>()("AdminTokenMissing", { message: Schema.String })
{}

/** The operators' token for the private listener. */
export interface AdminToken {
  readonly token: Redacted.Redacted<string>
  /** The file in `DATA_DIR` that stores the token; undefined when a setting gives it. */
  readonly file: string | undefined
}

/**
 * Returns the token of the settings, or else the one in `DATA_DIR`. If neither exists, it creates a file that only
 * its owner can read. Undefined when the operator has configured that no token is needed.
 */
export const findOrMake = Effect.fn("AdminToken.findOrMake")(function*(config: Config) {
  if (config.adminWithoutToken) return undefined
  if (config.adminToken !== undefined) return { token: config.adminToken, file: undefined }
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = yield* keptFile(config)
  if (!(yield* fs.exists(file).pipe(Effect.orElseSucceed(() => false)))) {
    yield* makeFile(file).pipe(Effect.mapError((cause) => {
      const { folder, reason } = unusable(path.resolve(config.dataDir), cause)
      return missing(`its token cannot be stored in DATA_DIR ${JSON.stringify(folder)}, ${reason}`)
    }))
  }
  const text = yield* fs.readFileString(file).pipe(
    Effect.mapError((error) => missing(`${file} cannot be read (${messageOf(error)})`))
  )
  const token = tokenIn(text)
  if (token === undefined) {
    return yield* missing(
      `${file} holds no token of at least ${leastLength} characters. Remove the file, and the next start generates one`
    )
  }
  const { mode } = yield* fs.stat(file).pipe(
    Effect.mapError((error) => missing(`${file} cannot be read (${messageOf(error)})`))
  )
  if (process.platform !== "win32" && (mode & 0o077) !== 0) {
    yield* Effect.logWarning(
      `${file} holds the admin token, and other users can read it. Remove the file. The next start generates another token.`
    )
  }
  return { token, file } satisfies AdminToken
})

/**
 * Writes a candidate and links it. The linked file appears complete, so no process of this folder reads half a token.
 */
const makeFile = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const candidate = `${file}.${randomBytes(8).toString("hex")}`
  yield* fs.makeDirectory(path.dirname(file), { recursive: true })
  yield* fs.writeFileString(candidate, `${randomBytes(24).toString("hex")}\n`, { mode: 0o600, flag: "wx" })
  yield* fs.link(candidate, file).pipe(
    // Another process has created it meanwhile.
    Effect.catchReason("PlatformError", "AlreadyExists", () => Effect.void),
    Effect.ensuring(Effect.ignore(fs.remove(candidate)))
  )
})

/**
 * The settings of a command that calls this private listener. When no token is set, they get the one that `serve` has
 * stored in `DATA_DIR`, if this user can read it. That token is sent to this machine only.
 */
export const withKept = Effect.fnUntraced(function*<C extends Config>(config: C, url: string) {
  if ((config.adminToken ?? config.adminReadToken) !== undefined) return config
  const file = yield* keptFile(config)
  if (!isLoopback(URL.parse(url)?.hostname ?? "") || !mayRead(file)) return config
  const fs = yield* FileSystem.FileSystem
  // A file that is missing or belongs to another user is no fault of the command: the listener reports whether it
  // needs a token.
  const text = yield* fs.readFileString(file).pipe(Effect.orElseSucceed(() => ""))
  const adminToken = tokenIn(text)
  return adminToken === undefined ? config : { ...config, adminToken }
})

const tokenIn = (text: string) => {
  const token = text.trim()
  return token.length < leastLength || /\p{Cc}/u.test(token)
    ? undefined
    : Redacted.make(token, { label: "ADMIN_TOKEN" })
}

const keptFile = ({ dataDir }: Config) => Effect.map(Path.Path, (path) => path.join(dataDir, "admin-token"))

const missing = (reason: string) =>
  new AdminTokenMissing({
    message: `The private listener has no token: ${reason}. You can also set ADMIN_TOKEN or ADMIN_TOKEN_FILE `
      + "(`openssl rand -hex 24` makes one)."
  })
