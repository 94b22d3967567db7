import { Effect, FileSystem, Option, Path, type PlatformError } from "effect"
import { Buffer } from "node:buffer"
import { CommandFailed } from "../CommandFailed.ts"

/** A writable environment file, and one variable in it. */
export interface EnvFile {
  /** Whether the file already sets the variable. */
  readonly isSet: boolean
  /** Whether users other than the file's owner may read it. */
  readonly readableByOthers: boolean
  /**
   * Sets the variable in its place, or at the end of the file. Every other byte stays unchanged. The write is atomic:
   * the file is the old one or the new one.
   */
  readonly set: (value: string) => Effect.Effect<void, CommandFailed>
}

/**
 * Checks that a file can be written, by creating the temporary file that will replace it. A new file is readable by
 * its owner only (0600). An existing file keeps its mode and its owner. A link is followed.
 */
export const open = Effect.fn("EnvFile.open")(function*(file: string, variable: string) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const cannot = failed(file)
  const path = yield* targetOf(file)
  const info = yield* Effect.mapError(found(fs.stat(path)), cannot)
  if (info?.type !== undefined && info.type !== "File") return yield* cannot("it is not a file")
  const read = info === undefined ? Effect.succeed(new Uint8Array()) : fs.readFile(path)

  const [before, beside] = yield* Effect.gen(function*() {
    // Open the file instead of checking access: Deno's `access` ignores the rights of root.
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
  if (isUnclosed(before, variable)) return yield* cannot(`its ${variable} spans several lines`)

  const set = Effect.fn("EnvFile.set")(
    function*(value: string) {
      if (!plain.test(value)) {
        return yield* cannot("some programs that read such files would change this value")
      }
      // Read the file again, because it may have been edited meanwhile.
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
  return new CommandFailed({ message: `${file} cannot be written: ${text}.` })
}

const reasons: Readonly<Record<string, string>> = {
  NotFound: "its folder does not exist",
  PermissionDenied: "this user may not write to it or to its folder"
}

/** The result, or undefined when the file does not exist. */
const found = <A>(effect: Effect.Effect<A, PlatformError.PlatformError>) =>
  effect.pipe(Effect.catchIf(({ reason }) => reason._tag === "NotFound", () => Effect.succeed(undefined)))

/** The file that a path refers to: the path itself, or the target of a link. */
const targetOf = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const real = yield* Effect.mapError(found(fs.realPath(file)), failed(file))
  if (real !== undefined) return real
  const link = yield* Effect.option(fs.readLink(file))
  if (Option.isSome(link)) return yield* failed(file)("it is a link to a file that does not exist")
  return paths.resolve(file)
})

// Latin-1 maps each byte to one character, so that bytes that are not UTF-8 stay unchanged.
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

/** Whether the variable's value begins with a quotation mark that is not closed on the same line. */
const isUnclosed = (text: string, variable: string) =>
  [...text.matchAll(lineOf(variable))].some(([, , , value = ""]) =>
    /^\s*(?:"[^"]*|'[^']*|`[^`]*)$/.test(value)
  )

/** Values that shells, Docker, Node, Deno and the dotenv libraries read alike without quotation marks. */
const plain = /^[\w.~+/=:@%-]+$/
