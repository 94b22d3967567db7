import { Effect, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { withoutSecrets } from "../ChildEnvironment.ts"
import { Unavailable } from "./Binary.ts"

/** Runs a system command in a folder until it exits. The error contains the last lines of its output. */
export const run = Effect.fnUntraced(function*(command: string, args: ReadonlyArray<string>, folder: string) {
  const handle = yield* ChildProcess.make(command, [...args], {
    ...withoutSecrets(),
    cwd: folder,
    stdin: "ignore"
  })
  const printed = yield* Stream.mkString(Stream.decodeText(handle.all))
  const code = yield* handle.exitCode
  if (code !== 0) {
    const last = printed.trim().split("\n").slice(-3).join("; ")
    return yield* new Unavailable({
      message: `"${command} ${args.join(" ")}" failed (exit code ${code}): ${last}`
    })
  }
}, Effect.scoped)
