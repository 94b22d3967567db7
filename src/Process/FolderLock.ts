import { Effect, FileSystem, Option, Path, type PlatformError, Schedule, Schema, type Scope } from "effect"
import { Holder, isRunning, self } from "./FolderLock/Holder.ts"

/** Another process, or another part of this one, holds the lock of the folder. */
export class FolderLocked extends Schema.TaggedError<FolderLocked>()("FolderLocked", {
  folder: Schema.String,
  pid: Schema.Int,
  message: Schema.String
}) {}

/**
 * Creates the folder and locks it for this process until the scope closes. A file `lock` in the folder names the
 * holder. Of several concurrent attempts exactly one succeeds. The lock of a dead process is taken over. A holder in
 * another container or on another machine cannot be looked up. It counts as dead when its file was not touched for
 * five seconds. The file system must support hard links.
 */
export const acquire: (folder: string) => Effect.Effect<
  void,
  FolderLocked | PlatformError.PlatformError,
  Scope.Scope | FileSystem.FileSystem | Path.Path
> = Effect.fn("FolderLock.acquire")(function*(folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* fs.makeDirectory(folder, { recursive: true })
  const file = path.join(folder, "lock")
  const own = yield* self
  yield* Effect.acquireRelease(claim(folder, file, own), () => release(file, own).pipe(Effect.ignore))
  yield* touch(file).pipe(Effect.ignore, Effect.repeat(Schedule.spaced("1 second")), Effect.forkScoped)
})

const claim = Effect.fnUntraced(function*(folder: string, file: string, own: Holder): Claim {
  const fs = yield* FileSystem.FileSystem
  // A linked file appears complete, so no process reads half a holder.
  const candidate = `${file}.${own.id}`
  yield* fs.writeFileString(candidate, yield* Schema.encodeEffect(Holder)(own).pipe(Effect.orDie), {
    flag: "wx"
  })
  yield* linkOrTakeOver(folder, file, candidate, own).pipe(
    Effect.ensuring(fs.remove(candidate, { force: true }).pipe(Effect.ignore))
  )
})

const linkOrTakeOver = Effect.fnUntraced(
  function*(folder: string, file: string, candidate: string, own: Holder): Claim {
    const fs = yield* FileSystem.FileSystem
    while (true) {
      const linked = yield* fs.link(candidate, file).pipe(
        Effect.as(true),
        Effect.catchReason("PlatformError", "AlreadyExists", () => Effect.succeed(false))
      )
      if (linked) return
      const found = yield* read(file)
      if (found === "none") continue
      if (found !== "unreadable" && (yield* isAlive(file, found, own))) return yield* locked(folder, found)
      if (yield* takeOver(folder, file, candidate, found, own)) return
    }
  }
)

/**
 * Replaces the file of a dead holder. Of all processes that found the same dead holder, only the one that claims its
 * succession may do this.
 */
const takeOver = (
  folder: string,
  file: string,
  candidate: string,
  dead: Holder | "unreadable",
  own: Holder
) => {
  const succession = `${file}.after-${dead === "unreadable" ? dead : dead.id}`
  return Effect.acquireUseRelease(
    claim(folder, succession, own),
    Effect.fnUntraced(function*() {
      const fs = yield* FileSystem.FileSystem
      if (!isSame(yield* read(file), dead)) return false
      yield* fs.rename(candidate, file)
      yield* Effect.logWarning(
        `Took over the folder ${folder} from a process that ended without releasing it (${describe(dead)})`
      )
      return true
    }),
    () => release(succession, own).pipe(Effect.ignore)
  )
}

const release = Effect.fnUntraced(function*(file: string, own: Holder) {
  const fs = yield* FileSystem.FileSystem
  if (isSame(yield* read(file), own)) yield* fs.remove(file)
})

const isAlive = Effect.fnUntraced(function*(file: string, holder: Holder, own: Holder) {
  if (holder.space === own.space) return yield* isRunning(holder)
  const before = yield* touchedAt(file)
  yield* Effect.sleep("5 seconds").pipe(Effect.interruptible)
  const after = yield* touchedAt(file)
  return after !== undefined && after !== before
})

const read = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString(file).pipe(
    Effect.catchReason("PlatformError", "NotFound", () => Effect.succeed(undefined))
  )
  if (text === undefined) return "none"
  // A power failure can leave an empty file.
  return Option.getOrElse(Schema.decodeOption(Holder)(text), () => "unreadable" as const)
})

const isSame = (found: Holder | "none" | "unreadable", expected: Holder | "unreadable") =>
  typeof found === "string" || typeof expected === "string" ? found === expected : found.id === expected.id

const touch = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
  yield* fs.utimes(file, new Date(now), new Date(now))
})

const touchedAt = (file: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.stat(file)).pipe(
    Effect.map((info) => Option.getOrUndefined(info.mtime)?.getTime()),
    Effect.catchReason("PlatformError", "NotFound", () => Effect.succeed(undefined))
  )

const locked = (folder: string, holder: Holder) =>
  new FolderLocked({
    folder,
    pid: holder.pid,
    message:
      `The folder ${folder} is in use by ${
        describe(holder)
      }, and only one process can use a folder at a time. `
      + "Stop that process, or give this one another folder (DATA_DIR)."
  })

const describe = (holder: Holder | "unreadable") =>
  holder === "unreadable" ? "its lock file is unreadable" : `process ${holder.pid} on ${holder.host}`

type Claim = Effect.fn.Return<
  void,
  FolderLocked | PlatformError.PlatformError,
  FileSystem.FileSystem | Path.Path
>
