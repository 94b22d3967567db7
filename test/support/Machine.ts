import { Effect, FileSystem, Path } from "effect"
import { createHash } from "node:crypto"
import type { Machine } from "../../src/Nats/Install/Machine.ts"

/** A machine with nothing on its PATH and an empty cache. */
export const newMachine = Effect.fnUntraced(function*(change: Partial<Machine> = {}) {
  const fs = yield* FileSystem.FileSystem
  const machine: Machine = {
    platform: "linux",
    arch: "x64",
    searchPath: [],
    cacheDir: `${yield* fs.makeTempDirectoryScoped({ prefix: "threeqpr-install-" })}/cache`,
    tar: "tar",
    ...change
  }
  return machine
})

/** A folder with commands of the given names and shell scripts. */
export const commands = Effect.fnUntraced(function*(scripts: Readonly<Record<string, string>>) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "threeqpr-path-" })
  for (const [name, script] of Object.entries(scripts)) yield* writeCommand(`${folder}/${name}`, script)
  return folder
})

/** Writes a shell script that can be run. */
export const writeCommand = Effect.fnUntraced(function*(file: string, script: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* fs.makeDirectory(path.dirname(file), { recursive: true })
  yield* fs.writeFileString(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
})

/** Writes a script into the cache, where an earlier start would have stored its download. */
export const writeCached = Effect.fnUntraced(function*(file: string, script: string) {
  const fs = yield* FileSystem.FileSystem
  yield* writeCommand(file, script)
  const digest = createHash("sha256").update(yield* fs.readFile(file)).digest("hex")
  yield* fs.writeFileString(`${file}.sha256`, digest)
})

/** The script of a fake nats-server that answers `--version` with this version. */
export const natsServer = (version: string) => `echo "nats-server: v${version}"`
