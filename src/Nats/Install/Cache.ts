import { Effect, FileSystem, Option, Path } from "effect"
import { createHash } from "node:crypto"
import process from "node:process"
import { inspect, Unavailable } from "./Binary.ts"
import { fileName, type Machine } from "./Machine.ts"

/** Path of a nats-server build in the cache. The file need not exist. */
export const fileOf = Effect.fnUntraced(function*(machine: Machine, build: string) {
  const path = yield* Path.Path
  return path.join(machine.cacheDir, build, fileName(machine, "nats-server"))
})

/** A temporary folder for unpacking, on the file system of the cache. It is removed when the scope ends. */
export const temporaryFolder = Effect.fnUntraced(function*(machine: Machine) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.makeDirectory(machine.cacheDir, { recursive: true })
  return yield* fs.makeTempDirectoryScoped({ directory: machine.cacheDir, prefix: "unpack-" })
})

/**
 * A build that an earlier start downloaded and checked. Fails if the file may have been replaced: its SHA-256 differs
 * from the recorded one, or other users of this machine can write it.
 */
export const cached = Effect.fnUntraced(function*(file: string, source: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const place of [file, path.dirname(file)]) {
    const { mode, uid } = yield* fs.stat(place)
    const isForeign = ![0, ownUser()].includes(Option.getOrElse(uid, () => 0))
    if (process.platform !== "win32" && (isForeign || (mode & writableByOthers) !== 0)) {
      return yield* new Unavailable({
        message: `${place} is not used, because other users of this machine can write to it`
      })
    }
  }
  const noted = yield* fs.readFileString(noteOf(file)).pipe(Effect.orElseSucceed(() => ""))
  if (noted !== (yield* digestOf(file))) {
    return yield* new Unavailable({
      message: `${file} is not used: its SHA-256 differs from that of the fetched binary`
    })
  }
  return yield* inspect(file, source)
})

const writableByOthers = 0o022

/** Windows has no user id. */
const ownUser = () => process.getuid?.() ?? 0

/** The file with the SHA-256 of a cached binary. */
const noteOf = (file: string) => `${file}.sha256`

const digestOf = (file: string) =>
  Effect.map(
    Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFile(file)),
    (bytes) => createHash("sha256").update(bytes).digest("hex")
  )

/**
 * Checks that an unpacked binary runs, moves it into the cache and records its SHA-256. The move is atomic: other
 * processes see the whole binary or none. If several installs run at once, the last one stays.
 */
export const keep = Effect.fnUntraced(
  function*(machine: Machine, build: string, unpacked: string, source: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    yield* inspect(unpacked, source)
    const file = yield* fileOf(machine, build)
    yield* fs.makeDirectory(path.dirname(file), { recursive: true })
    // Set explicitly, to be independent of the umask.
    yield* fs.chmod(path.dirname(file), 0o755)
    yield* fs.chmod(unpacked, 0o755)
    // As root, tar assigns the file to the user id in the archive.
    if (ownUser() === 0 && process.platform !== "win32") yield* fs.chown(unpacked, 0, 0)
    yield* fs.writeFileString(noteOf(file), yield* digestOf(unpacked))
    yield* fs.rename(unpacked, file).pipe(
      // Windows cannot replace a running program. If the file exists, another install was faster.
      Effect.catch((error) =>
        Effect.flatMap(fs.exists(file), (there) => there ? Effect.void : Effect.fail(error))
      )
    )
    return yield* inspect(file, source)
  }
)
