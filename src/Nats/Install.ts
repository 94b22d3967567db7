import { Effect, FileSystem, Option, type Path, type PlatformError, Result, Schema } from "effect"
import type { HttpClient } from "effect/http"
import type { ChildProcessSpawner } from "effect/process"
import { type Binary, inspect, oldest, Unavailable } from "./Install/Binary.ts"
import { cached, fileOf } from "./Install/Cache.ts"
import * as Debian from "./Install/Debian.ts"
import { lookUp, type Machine, thisMachine } from "./Install/Machine.ts"
import * as Release from "./Install/Release.ts"

export interface InstallOptions {
  /** Path of nats-server (NATS_SERVER_BIN). If it cannot be used, the start fails. */
  readonly binary?: string | undefined
  /** Folder for downloads. The user's cache folder if undefined. */
  readonly cacheDir?: string | undefined
  readonly release?: Release.Release | undefined
  readonly machine?: Machine | undefined
}

/** No nats-server could be found or downloaded. The message lists the attempts and the remedies. */
export class NatsServerMissing
  extends Schema.TaggedError<NatsServerMissing>()("NatsServerMissing", { message: Schema.String })
{}

/**
 * Finds a nats-server that runs on this machine. It uses the given path, or else the first of PATH, our cache, the
 * official release and the distribution's package. Downloads are checked and then kept in the cache.
 */
export const findOrInstall = Effect.fn("Install.findOrInstall")(function*(options: InstallOptions) {
  if (options.binary !== undefined) return yield* given(options.binary)
  const machine = {
    ...(options.machine ?? thisMachine),
    ...(options.cacheDir && { cacheDir: options.cacheDir })
  }
  const release = options.release ?? Release.official
  const ways = {
    "PATH": onPath(machine),
    "the cache": inCache(machine, release),
    "the official release": Release.fetchRelease(machine, release),
    "the distribution's package": Debian.fetchPackage(machine)
  }
  const failures: Array<string> = []
  for (const [way, find] of Object.entries<Way>(ways)) {
    const found = yield* Effect.result(find)
    if (Result.isSuccess(found)) return found.success
    failures.push(`- ${way}: ${found.failure.message}`)
  }
  return yield* new NatsServerMissing({
    message: `The embedded broker needs a nats-server, and none was found.\n${
      failures.join("\n")
    }\n${waysOut}`
  })
})

type Way = Effect.Effect<
  Binary,
  Unavailable | PlatformError.PlatformError,
  FileSystem.FileSystem | Path.Path | ChildProcessSpawner.ChildProcessSpawner | HttpClient.HttpClient
>

const waysOut = `What to do: install nats-server ${oldest} or later so that it is on PATH `
  + "(https://github.com/nats-io/nats-server/releases), name one with NATS_SERVER_BIN, "
  + "or use your own broker with NATS_URL."

const given = (binary: string) =>
  inspect(binary, "NATS_SERVER_BIN").pipe(
    Effect.mapError((error) =>
      new NatsServerMissing({
        message:
          `NATS_SERVER_BIN is "${binary}", which cannot be used: ${error.message}. Name a nats-server of `
          + `version ${oldest} or later, or unset it. The program then finds or fetches one.`
      })
    )
  )

const onPath = Effect.fnUntraced(function*(machine: Machine) {
  const found = yield* lookUp(machine, "nats-server")
  if (Option.isNone(found)) return yield* new Unavailable({ message: "there is no nats-server" })
  return yield* inspect(found.value, "on PATH")
})

const inCache = Effect.fnUntraced(function*(machine: Machine, release: Release.Release) {
  const fs = yield* FileSystem.FileSystem
  const builds = {
    [Release.buildOf(machine, release)]: Release.sourceOf(machine, release),
    [Debian.buildOf(machine)]: Debian.source
  }
  for (const [build, source] of Object.entries(builds)) {
    const file = yield* fileOf(machine, build)
    if (yield* fs.exists(file)) return yield* cached(file, source)
  }
  return yield* new Unavailable({ message: `none in ${machine.cacheDir} (XDG_CACHE_HOME moves it)` })
})
