import { Effect } from "effect"
import { request, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import process from "node:process"

/**
 * How often the listener is checked, the time-out of a check in milliseconds, and the number of failures that restart
 * it.
 */
const every = "2 seconds"
const patience = 2_000
const failures = 3

/**
 * Restarts the listener when it stops accepting connections, until the scope ends. Deno 2.9.6 does this after the
 * process ran out of file descriptors, and reports no error. Node recovers by itself.
 */
export const keepAccepting = Effect.fnUntraced(function*(server: Server, host: string, backlog: number) {
  if (process.versions["deno"] === undefined) return
  const { port } = server.address() as AddressInfo
  const watch = Effect.gen(function*() {
    for (let failed = 0; failed < failures;) {
      yield* Effect.sleep(every)
      failed = (yield* answers(port, host)) ? 0 : failed + 1
    }
    yield* Effect.logError(
      `The public listener did not accept a connection in ${failures} checks. It is restarted.`
    )
    server.close()
    yield* Effect.sync(() => server.listen({ port, host, backlog }))
  })
  yield* Effect.forkScoped(Effect.forever(watch))
})

/**
 * Whether the listener responds. Any response counts, also one that rejects the connection. A check that fails for
 * another reason, such as a missing permission, counts too.
 */
const answers = (port: number, host: string) =>
  Effect.callback<boolean>((resume) => {
    const local = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host
    const asked = request(
      { port, host: local, path: "/livez", agent: false, timeout: patience },
      (response) => {
        response.resume()
        resume(Effect.succeed(true))
      }
    )
    asked.on("timeout", () => {
      resume(Effect.succeed(false))
      asked.destroy()
    })
    asked.on("error", (error: NodeJS.ErrnoException) =>
      resume(Effect.succeed(error.code !== "ECONNREFUSED" && error.code !== "ECONNRESET")))
    asked.end()
  }).pipe(Effect.catchDefect(() =>
    Effect.succeed(true)
  ))
