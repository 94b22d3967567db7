import { Effect, FileSystem, Option, Path } from "effect"
import { createHash } from "node:crypto"
import process from "node:process"
import { inspect, Unavailable } from "./Binary.ts"
import { fileName, type Machine } from "./Machine.ts"

/** Where the cache keeps a build of nats-server, whether it is there or not. */
export const fileOf = Effect.fnUntraced(function*(machine: Machine, build: string) {
  const path = yield* Path.Path
  return path.join(machine.cacheDir, build, fileName(machine, "nats-server"))
})

/** A folder to unpack in that goes with the scope, on the file system of the cache. */
export const temporaryFolder = Effect.fnUntraced(function*(machine: Machine) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.makeDirectory(machine.cacheDir, { recursive: true })
  return yield* fs.makeTempDirectoryScoped({ directory: machine.cacheDir, prefix: "unpack-" })
})

/**
 * A build that an earlier start fetched and checked. Fails when it can be another file: its SHA-256 is not the
 * one that was noted then, or other users of this machine can write it.
 */
export const cached = Effect.fnUntraced(function*(file: string, source: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const place of [file, path.dirname(file)]) {
    const { mode, uid } = yield* fs.stat(place)
    const isForeign = ![0, ownUser()].includes(Option.getOrElse(uid, () => 0))
    if (process.platform !== "win32" && (isForeign || (mode & writableByOthers) !== 0)) {
      return yield* new Unavailable({
        message: `${place} is not used, because other users of this machine can write it`
      })
    }
  }
  const noted = yield* fs.readFileString(noteOf(file)).pipe(Effect.orElseSucceed(() => ""))
  if (noted !== (yield* digestOf(file))) {
    return yield* new Unavailable({
      message: `${file} is not used: its SHA-256 is not the one of the binary that was fetched`
    })
  }
  return yield* inspect(file, source)
})

const writableByOthers = 0o022

/** Windows has no such number. */
const ownUser = () => process.getuid?.() ?? 0

/** The file that notes the SHA-256 of a cached binary. */
const noteOf = (file: string) => `${file}.sha256`

const digestOf = (file: string) =>
  Effect.map(
    Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFile(file)),
    (bytes) => createHash("sha256").update(bytes).digest("hex")
  )

/**
 * Moves an unpacked binary that runs into the cache, and notes its SHA-256. The move is atomic: a process that looks
 * there sees a whole binary or none, and of several installs at once the last one stays.
 */
export const keep = Effect.fnUntraced(
  function*(machine: Machine, build: string, unpacked: string, source: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    yield* inspect(unpacked, source)
    const file = yield* fileOf(machine, build)
    yield* fs.makeDirectory(path.dirname(file), { recursive: true })
    // Whatever the umask is.
    yield* fs.chmod(path.dirname(file), 0o755)
    yield* fs.chmod(unpacked, 0o755)
    // As root, tar gives a file to the user of the archive.
    if (ownUser() === 0 && process.platform !== "win32") yield* fs.chown(unpacked, 0, 0)
    yield* fs.writeFileString(noteOf(file), yield* digestOf(unpacked))
    yield* fs.rename(unpacked, file).pipe(
      // Windows does not replace a program that runs: another install was faster.
      Effect.catch((error) =>
        Effect.flatMap(fs.exists(file), (there) => there ? Effect.void : Effect.fail(error))
      )
    )
    return yield* inspect(file, source)
  }
)
