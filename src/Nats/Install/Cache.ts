import { Effect, FileSystem, Path } from "effect"
import { inspect } from "./Binary.ts"
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
 * Moves an unpacked binary that runs into the cache. The move is atomic: whoever looks there sees a whole
 * binary or none, and of several installs at once the last one stays.
 */
export const keep = Effect.fnUntraced(
  function*(machine: Machine, build: string, unpacked: string, source: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    yield* inspect(unpacked, source)
    const file = yield* fileOf(machine, build)
    yield* fs.makeDirectory(path.dirname(file), { recursive: true })
    yield* fs.rename(unpacked, file).pipe(
      // Windows does not replace a program that runs: another install was faster.
      Effect.catch((error) =>
        Effect.flatMap(fs.exists(file), (there) => there ? Effect.void : Effect.fail(error))
      )
    )
    return yield* inspect(file, source)
  }
)
