import { ByteSize, Effect, FileSystem, Path } from "effect"
import { statfs } from "node:fs/promises"

/**
 * Maximum size of the broker's store in bytes: its present size plus three quarters of the free space. The broker
 * then refuses messages before the disk is full. The broker's own default ignores the present size, so a large store
 * would count as full after a restart.
 */
export const fileStoreLimit = Effect.fnUntraced(function*(storeFolder: string) {
  const path = yield* Path.Path
  const disk = yield* Effect.promise(() => statfs(path.dirname(storeFolder)))
  return Math.max(1, (yield* bytesIn(storeFolder)) + Math.floor(disk.bavail * disk.bsize * 0.75))
})

const bytesIn = Effect.fnUntraced(function*(folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (!(yield* fs.exists(folder))) return 0
  const entries = yield* fs.readDirectory(folder, { recursive: true })
  const sizes = yield* Effect.forEach(entries, (entry) => fs.stat(path.join(folder, entry)), {
    concurrency: 16
  })
  return sizes.reduce((sum, { size }) => sum + Number(ByteSize.toBigInt(size)), 0)
})
