import { Effect, FileSystem, Option, Path } from "effect"
import { delimiter, join } from "node:path"
import process from "node:process"
import { cacheDir } from "../../Process/CacheDir.ts"

/** The facts that decide which nats-server fits and where it is searched. */
export interface Machine {
  /** Platform and architecture as Node names them: linux, darwin, win32; x64, arm64. */
  readonly platform: string
  readonly arch: string
  /** The folders of PATH. */
  readonly searchPath: ReadonlyArray<string>
  /** Folder for our downloads. */
  readonly cacheDir: string
  /** The system's tar command. */
  readonly tar: string
}

const env = (name: string) => process.env[name] || undefined

/** The current machine. */
export const thisMachine: Machine = {
  platform: process.platform,
  arch: process.arch,
  searchPath: (env("PATH") ?? "").split(delimiter).filter((folder) => folder !== ""),
  cacheDir: cacheDir(),
  // The tar of Windows can unpack zip files. Another tar on PATH, such as Git's, cannot.
  tar: process.platform === "win32" ? join(env("SystemRoot") ?? "C:\\Windows", "System32", "tar.exe") : "tar"
}

/** The file name of a command. */
export const fileName = (machine: Machine, command: string) =>
  machine.platform === "win32" ? `${command}.exe` : command

/** Path of a command on PATH. */
export const lookUp = Effect.fnUntraced(function*(machine: Machine, command: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const folder of machine.searchPath) {
    const file = path.join(folder, fileName(machine, command))
    if (yield* fs.exists(file).pipe(Effect.orElseSucceed(() => false))) return Option.some(file)
  }
  return Option.none<string>()
})
