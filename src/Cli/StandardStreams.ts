import { Console, Layer, Predicate, Schema } from "effect"
import { Buffer } from "node:buffer"
import console from "node:console"
import { writeSync } from "node:fs"
import process from "node:process"
import { format } from "node:util"
import { printableWithColours } from "../Process/Printable.ts"

/**
 * Standard output cannot be written. `closed` is true when the reader has closed it, as `head` does after its last line.
 * That is no fault of the command.
 */
export class OutputLost extends Schema.TaggedError<OutputLost>()("OutputLost", {
  message: Schema.String,
  closed: Schema.Boolean
}) {}

/**
 * Writes to the standard streams synchronously, so that no output is lost at the end. The `console` of the runtimes
 * drops output that it cannot write, or ends the process later with a stack trace. Output for people contains no
 * control characters except the program's own colours.
 */
export const layer = Layer.sync(Console.Console, () => {
  // Messages and logs are for people. If their reader ends, the process must continue with its work.
  process.stderr.on("error", () => {})
  const log = (...parts: ReadonlyArray<unknown>) =>
    writeOutput(Buffer.from(`${printableWithColours(format(...parts))}\n`))
  const error = (...parts: ReadonlyArray<unknown>) =>
    writeMessage(`${printableWithColours(format(...parts))}\n`)
  // Output for programs is not escaped.
  const info = (...parts: ReadonlyArray<unknown>) => writeOutput(Buffer.from(`${format(...parts)}\n`))
  return Object.assign(Object.create(console), {
    log,
    info,
    debug: log,
    error,
    warn: error,
    trace: error
  })
})

/** Writes bytes to standard output. Throws `OutputLost`. */
export const writeOutput = (bytes: Uint8Array): void => {
  try {
    write(1, bytes)
  } catch (error) {
    throw lost(error)
  }
}

/** Writes text to standard error, if that still has a reader. */
export const writeMessage = (text: string): void => {
  try {
    write(2, Buffer.from(text))
  } catch {
    // The error cannot be reported anywhere else.
  }
}

const write = (stream: number, bytes: Uint8Array) => {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(stream, bytes, at)
    } catch (error) {
      // EAGAIN: another process made the pipe non-blocking, and it is full because its reader is slower than this
      // command.
      if (codeOf(error) !== "EAGAIN") throw error
      Atomics.wait(pause, 0, 0, 5)
    }
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4))

const codeOf = (error: unknown) => Predicate.hasProperty(error, "code") ? error.code : undefined

const lost = (error: unknown) => {
  const code = String(codeOf(error))
  return new OutputLost({
    closed: code === "EPIPE",
    message: `standard output cannot be written: ${
      reasons[code] ?? (error instanceof Error ? error.message : code)
    }`
  })
}

const reasons: Readonly<Record<string, string>> = {
  EPIPE: "the reader has closed it",
  ENOSPC: "no space is left on the device. Free some space, or write to another device",
  EIO: "the device does not work",
  EBADF: "it is closed"
}
