import { Effect, FileSystem, Path, Predicate, Schema } from "effect"
import { messageOf } from "./Failure.ts"

/** The data folder cannot be used. */
export class DataDirUnusable extends Schema.TaggedError<DataDirUnusable>()("DataDirUnusable", {
  folder: Schema.String,
  reason: Schema.String,
  remedy: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `DATA_DIR is ${JSON.stringify(this.folder)}, ${this.reason}. ${this.remedy}`
  }
}

/** Creates the data folder and a file in it, so that an unusable folder is reported before anything starts. */
export const prepare = Effect.fn("DataDir.prepare")(function*(dataDir: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = path.resolve(dataDir)
  const file = (yield* fs.stat(folder).pipe(Effect.option)).pipe((found) =>
    found._tag === "Some" && found.value.type !== "Directory"
  )
  if (file) {
    return yield* new DataDirUnusable({
      folder,
      reason: "which is a file",
      remedy: "Name a folder, or move the file away."
    })
  }
  yield* Effect.scoped(Effect.gen(function*() {
    yield* fs.makeDirectory(folder, { recursive: true })
    const probe = yield* fs.makeTempFileScoped({ directory: folder, prefix: ".threeqpr-" })
    yield* fs.writeFileString(probe, "probe")
  })).pipe(Effect.mapError((cause) => unusable(folder, cause)))
})

/** The error for an unusable folder, by the code of the system's error. */
export const unusable = (folder: string, cause: unknown) => {
  const code = codeOf(cause)
  const [reason, remedy] = meanings[code ?? ""] ?? [
    `which cannot be used: ${messageOf(cause)}`,
    "Check the folder, or name another one."
  ]
  return new DataDirUnusable({ folder, reason, remedy, cause })
}

const notWritable = [
  "which this user may not write to",
  "Let the user of this process write there (chown), or name another folder."
] as const
const full = [
  "which has no space left",
  "Free some space there, or name a folder on another disk."
] as const

const meanings: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  EACCES: notWritable,
  EPERM: notWritable,
  PermissionDenied: notWritable,
  NotCapable: [
    "which Deno may not write to",
    "Start Deno with --allow-read and --allow-write of that folder, or name another folder."
  ],
  EROFS: ["which is on a read-only file system", "Name a folder that can be written."],
  ENOSPC: full,
  EDQUOT: full,
  ENOTDIR: ["which is below a file", "Name a folder, or move the file away."],
  EEXIST: ["which is below a file", "Name a folder, or move the file away."],
  ENAMETOOLONG: ["which is too long", "Name a folder with a shorter path."]
}

/** The first error code in an error and its causes. */
const codeOf = (error: unknown): string | undefined => {
  if (!Predicate.isObject(error)) return undefined
  if (Predicate.hasProperty(error, "code") && Predicate.isString(error.code)) return error.code
  if (error instanceof Error && error.name in meanings) return error.name
  return (Predicate.hasProperty(error, "cause") ? codeOf(error.cause) : undefined)
    ?? (Predicate.hasProperty(error, "reason") ? codeOf(error.reason) : undefined)
}
