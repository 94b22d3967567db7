import { Effect, Result, Schema, SemVer } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { withoutSecrets } from "../ChildEnvironment.ts"

/** A nats-server that runs on this machine and is new enough. */
export interface Binary {
  readonly path: string
  /** Such as 2.14.5. */
  readonly version: string
  /** Version, source and path in one line, for the operator. */
  readonly origin: string
}

/** One way to get a nats-server failed. The message names the way and the reason. */
export class Unavailable
  extends Schema.TaggedError<Unavailable>()("Unavailable", { message: Schema.String })
{}

/** The oldest version with all JetStream features that this program uses. */
export const oldest = "2.9.0"

/** Runs `nats-server --version` and checks the version. `source` describes where the binary comes from. */
export const inspect = Effect.fn("Binary.inspect")(function*(path: string, source: string) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const printed = yield* spawner.string(ChildProcess.make(path, ["--version"], withoutSecrets()), {
    includeStderr: true
  }).pipe(
    Effect.timeoutOrElse({
      duration: "10 seconds",
      orElse: () => Effect.fail(new Unavailable({ message: "it did not answer within 10 seconds" }))
    }),
    Effect.mapError((error) => new Unavailable({ message: `${path} cannot be run: ${error.message}` }))
  )
  const version = /^nats-server: v(\S+)/m.exec(printed)?.[1] ?? ""
  const parsed = SemVer.parse(version)
  if (Result.isFailure(parsed)) {
    return yield* new Unavailable({
      message: `${path} is not a nats-server: "--version" printed "${printed.trim().slice(0, 100)}"`
    })
  }
  if (SemVer.isLessThan(parsed.success, SemVer.parseUnsafe(oldest))) {
    return yield* new Unavailable({
      message: `${path} is version ${version}; version ${oldest} or later is required`
    })
  }
  return { path, version, origin: `nats-server ${version} (${source}) at ${path}` } satisfies Binary
})
