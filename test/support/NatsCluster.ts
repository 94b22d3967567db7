import { Effect, type Scope } from "effect"
import type { ChildProcess } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { findOrInstall } from "../../src/Nats/Install.ts"
import { binary, platform } from "./Broker.ts"
import { spawnGuarded } from "./Guarded.ts"
import { freePort } from "./Port.ts"

/** One server of a cluster. */
export interface Member {
  readonly name: string
  /** Host and port for clients. */
  readonly address: string
  /** The URL of its monitoring. */
  readonly monitoring: string
  readonly start: Effect.Effect<void, never, Scope.Scope>
  readonly kill: Effect.Effect<void>
}

/**
 * Runs the servers that one configuration text describes for containers as processes on loopback. Each gets its own
 * ports and folder. The text distinguishes the servers by `$NATS_NAME`. The folders are removed with the scope.
 */
export const make = Effect.fnUntraced(function*(names: ReadonlyArray<string>, text: string) {
  const { path, version } = yield* findOrInstall({ binary }).pipe(Effect.provide(platform), Effect.orDie)
  const places = yield* Effect.forEach(names, (name) =>
    Effect.acquireRelease(
      Effect.promise(async () => ({
        name,
        folder: mkdtempSync(join(tmpdir(), `threeqpr-${name}-`)),
        client: await freePort(),
        monitor: await freePort(),
        route: await freePort()
      })),
      ({ folder }) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }))
    ))
  const routes = places.reduce(
    (config, { name, route }) => config.replaceAll(`@${name}:6222"`, `@127.0.0.1:${route}"`),
    // `sync_interval` exists since 2.10. The text is for the version in the containers.
    version.startsWith("2.9.") ? text.replace(/^ *sync_interval.*\n/m, "") : text
  )
  return places.map(({ client, folder, monitor, name, route }): Member => {
    const config = join(folder, "nats.conf")
    const pidFile = join(folder, "pid")
    writeFileSync(
      config,
      routes
        .replace(`"0.0.0.0:4222"`, `"127.0.0.1:${client}"`)
        .replace(`"127.0.0.1:8222"`, `"127.0.0.1:${monitor}"`)
        .replace(`"0.0.0.0:6222"`, `"127.0.0.1:${route}"`)
        .replace(`"/data"`, JSON.stringify(folder))
    )
    let child: ChildProcess | undefined
    const kill = Effect.promise(async () => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, "exit")
      // The guard kills the server when its standard input closes.
      child.stdin?.destroy()
      await exited
    })
    return {
      name,
      address: `127.0.0.1:${client}`,
      monitoring: `http://127.0.0.1:${monitor}`,
      start: Effect.acquireRelease(
        Effect.sync(() => {
          child = spawnGuarded(path, ["-c", config, "-P", pidFile], "KILL", {
            env: { ...process.env, NATS_NAME: name }
          })
          child.stderr?.resume()
        }),
        () => kill
      ),
      kill
    }
  })
})
