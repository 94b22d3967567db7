import { Effect, Random } from "effect"
import { createServer } from "node:net"

/**
 * A free port of 127.0.0.1, below the range that systems use for outgoing connections. With a port of that range, a
 * client that dials while the broker is down could get this port and connect to itself.
 */
export const freePort: Effect.Effect<number> = Effect.gen(function*() {
  while (true) {
    const port = yield* Random.nextIntBetween(20_000, 32_000)
    if (yield* isFree(port)) return port
  }
})

const isFree = (port: number) =>
  Effect.callback<boolean>((resume) => {
    const server = createServer()
    server.once("error", () => resume(Effect.succeed(false)))
    server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(true))))
  })
