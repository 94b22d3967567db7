import { Effect, FileSystem, Option, Path, type PlatformError, Schema } from "effect"
import { Buffer } from "node:buffer"

/** An environment file cannot be read or written. The message never shows a value. */
export class EnvFileFailed
  extends Schema.TaggedError<EnvFileFailed>()("EnvFileFailed", { message: Schema.String })
{}

/** An environment file that can be written, and a variable in it. */
export interface EnvFile {
  /** Whether the file sets the variable already. */
  readonly isSet: boolean
  /** Whether users other than the file's owner may read it. */
  readonly readableByOthers: boolean
  /**
   * Sets the variable, wherever it was set or else at the end, and leaves every other byte as it is. The file
   * is the old one or the new one, never half of it.
   */
  readonly set: (value: string) => Effect.Effect<void, EnvFileFailed>
}

/**
 * Makes sure that a file can be written, by making the one beside it that will take its place. A new file
 * is readable by its owner only (0600), one that exists keeps its mode and its owner; a link is followed.
 */
export const open = Effect.fn("EnvFile.open")(function*(file: string, variable: string) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const cannot = failed(file)
  const path = yield* targetOf(file)
  const info = yield* Effect.mapError(found(fs.stat(path)), cannot)
  if (info?.type !== undefined && info.type !== "File") return yield* cannot("it is no file")
  const read = info === undefined ? Effect.succeed(new Uint8Array()) : fs.readFile(path)

  const [before, beside] = yield* Effect.gen(function*() {
    // Opened, not asked about: Deno's `access` knows nothing of root.
    if (info !== undefined) yield* Effect.scoped(fs.open(path, { flag: "r+" }))
    const beside = yield* fs.makeTempFileScoped({ directory: paths.dirname(path), prefix: ".threeqpr-" })
    yield* fs.chmod(beside, info === undefined ? 0o600 : info.mode & 0o777)
    if (info !== undefined && Option.isSome(info.uid) && Option.isSome(info.gid)) {
      yield* Effect.mapError(
        fs.chown(beside, info.uid.value, info.gid.value),
        () => "its owner and group could not be kept"
      )
    }
    return [textOf(yield* read), beside] as const
  }).pipe(Effect.mapError(cannot))
  if (isUnclosed(before, variable)) return yield* cannot(`its ${variable} goes over several lines`)

  const set = Effect.fn("EnvFile.set")(
    function*(value: string) {
      if (!plain.test(value)) return yield* cannot("not every reader of such files takes this value as it is")
      // Read again: it may have been edited since.
      const text = assign(textOf(yield* read), variable, value)
      yield* Effect.scoped(Effect.gen(function*() {
        const opened = yield* fs.open(beside, { flag: "w" })
        yield* opened.writeAll(Buffer.from(text, "latin1"))
        yield* opened.sync
      }))
      yield* fs.rename(beside, path)
    },
    Effect.catchTag("PlatformError", (error) => Effect.fail(cannot(error)))
  )

  return {
    isSet: lineOf(variable).test(before),
    readableByOthers: info !== undefined && (info.mode & 0o077) !== 0,
    set
  } satisfies EnvFile
})

const failed = (file: string) => (reason: string | PlatformError.PlatformError) => {
  const text = typeof reason === "string" ? reason : reasons[reason.reason._tag] ?? reason.message
  return new EnvFileFailed({ message: `${file} cannot be written: ${text}.` })
}

const reasons: Readonly<Record<string, string>> = {
  NotFound: "there is no such folder",
  PermissionDenied: "it or its folder is not yours to write"
}

/** What is there, or undefined. */
const found = <A>(effect: Effect.Effect<A, PlatformError.PlatformError>) =>
  effect.pipe(Effect.catchIf(({ reason }) => reason._tag === "NotFound", () => Effect.succeed(undefined)))

/** The file that a path leads to: itself, or where its link points. */
const targetOf = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const real = yield* Effect.mapError(found(fs.realPath(file)), failed(file))
  if (real !== undefined) return real
  const link = yield* Effect.option(fs.readLink(file))
  if (Option.isSome(link)) return yield* failed(file)("it is a link to a file that is not there")
  return paths.resolve(file)
})

// One character a byte, so that bytes that are no UTF-8 stay what they are.
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1")

const lineOf = (variable: string) =>
  new RegExp(`^(\u00ef\u00bb\u00bf)?([ \\t]*(?:export[ \\t]+)?)${variable}[ \\t]*=(.*)$`, "gm")

const assign = (text: string, variable: string, value: string) => {
  const line = lineOf(variable)
  if (line.test(text)) {
    return text.replace(line, (_, mark = "", start = "") => `${mark}${start}${variable}=${value}`)
  }
  const end = text.includes("\r\n") ? "\r\n" : "\n"
  return `${text}${text === "" || text.endsWith("\n") ? "" : end}${variable}=${value}${end}`
}

/** Whether the variable's value begins with a quotation mark that the same line does not close. */
const isUnclosed = (text: string, variable: string) =>
  [...text.matchAll(lineOf(variable))].some(([, , , value = ""]) =>
    /^\s*(?:"[^"]*|'[^']*|`[^`]*)$/.test(value)
  )

/** Read alike by shells, Docker, Node, Deno and the dotenv libraries, without quotation marks. */
const plain = /^[\w.~+/=:@%-]+$/
