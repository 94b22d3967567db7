import { Effect, FileSystem, Stdio, Stream } from "effect"
import { Buffer } from "node:buffer"
import { messageOf } from "../Process/Failure.ts"
import { CommandFailed } from "./CommandFailed.ts"

/** The bytes of a file, or of standard input for `-`; 64 MiB at most. */
export const bytesOf = Effect.fnUntraced(function*(flag: string, file: string) {
  const fs = yield* FileSystem.FileSystem
  const { stdin } = yield* Stdio.Stdio
  const chunks: Array<Uint8Array> = []
  let size = 0
  yield* Stream.runForEach(file === "-" ? stdin : fs.stream(file), (chunk) => {
    size += chunk.length
    chunks.push(chunk)
    return size <= largest ? Effect.void : Effect.fail(new Error("it is larger than 64 MiB"))
  }).pipe(
    Effect.mapError((error) =>
      new CommandFailed({
        message: `--${flag} ${file === "-" ? "- (standard input)" : file} cannot be read: ${messageOf(error)}`
      })
    )
  )
  return Buffer.concat(chunks)
})

const largest = 64 * 1024 * 1024
