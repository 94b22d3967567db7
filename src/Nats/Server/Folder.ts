import { Effect, FileSystem, Path } from "effect"
import { acquire, FolderLocked } from "../../Process/FolderLock.ts"

/** The broker's part of the data folder, as absolute paths. */
export interface Folder {
  readonly folder: string
  readonly configFile: string
  readonly connectionFile: string
  readonly logFile: string
  /** The folder in which JetStream stores its streams. */
  readonly storeFolder: string
}

/** The broker's folder in a data folder. Symbolic links are resolved, so that the folder always has the same path. */
export const folderOf = Effect.fnUntraced(function*(dataDir: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const named = path.resolve(dataDir, "nats")
  const folder = yield* fs.realPath(named).pipe(Effect.orElseSucceed(() => named))
  return {
    folder,
    configFile: path.join(folder, "nats.conf"),
    connectionFile: path.join(folder, "connection.json"),
    logFile: path.join(folder, "nats.log"),
    storeFolder: path.join(folder, "jetstream")
  } satisfies Folder
})

/** Locks the folder for this process until the scope ends, and denies access to other users. */
export const open = Effect.fnUntraced(function*(dataDir: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* acquire(path.resolve(dataDir, "nats")).pipe(
    Effect.catchTag("FolderLocked", ({ folder, pid }) =>
      Effect.fail(
        new FolderLocked({
          folder,
          pid,
          message:
            `Process ${pid} already runs the embedded broker of ${folder}, and only one process can. Stop that `
            + "process, give this one another folder (DATA_DIR), or use its broker: set NATS_URL and "
            + `NATS_TOKEN to the url and token in ${path.join(folder, "connection.json")}.`
        })
      ))
  )
  const opened = yield* folderOf(dataDir)
  yield* fs.chmod(opened.folder, 0o700)
  return opened
})

/** Writes a file that only its owner may read. The write is atomic: a reader sees the old content or the new. */
export const writePrivately = Effect.fnUntraced(function*(file: string, text: string) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.writeFileString(`${file}.new`, text, { mode: 0o600 })
  yield* fs.rename(`${file}.new`, file)
})
