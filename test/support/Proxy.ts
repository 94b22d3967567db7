import { Effect, type Scope } from "effect"
import { connect, createServer, type Server, type Socket } from "node:net"

/** What the network between a client and a server can do to what passes through it. */
export interface Proxy {
  readonly port: number
  /** Nothing passes in either direction; both sides see open connections. */
  readonly pause: Effect.Effect<void>
  /** What the server says is lost, for good; it hears everything. New connections are the same. */
  readonly deafen: Effect.Effect<void>
  /** Everything passes again. What was held back by `pause` does too; what was lost stays lost. */
  readonly resume: Effect.Effect<void>
  /** Every connection is reset, on both sides. */
  readonly reset: Effect.Effect<void>
  /** One connection is reset, on both sides. */
  readonly resetOne: Effect.Effect<void>
  /** Each piece is held back for so many milliseconds; the order stays. */
  readonly delay: (millis: number) => Effect.Effect<void>
  /** Every connection is cut on both sides as soon as the client has sent something that fits. */
  readonly cutAfter: (fits: (sent: Buffer) => boolean) => Effect.Effect<void>
  /** How many connections there were. */
  readonly connections: Effect.Effect<number>
}

interface Rules {
  mode: "pass" | "paused" | "deaf"
  delay: number
  cut: ((sent: Buffer) => boolean) | undefined
}

/** A TCP proxy before a port of this machine, until the scope ends. */
export const before = (port: number): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.gen(function*() {
    const rules: Rules = { mode: "pass", delay: 0, cut: undefined }
    const open = new Set<Socket>()
    let count = 0
    const server = yield* Effect.acquireRelease(
      listen((client) => {
        count++
        link(client, connect(port, "127.0.0.1"), rules, open)
      }),
      (server) =>
        Effect.callback<void>((resume) => {
          for (const socket of open) socket.destroy()
          server.close(() => resume(Effect.void))
        })
    )
    const address = server.address()
    const set = (change: () => void) =>
      Effect.sync(() => {
        change()
        for (const socket of open) {
          if (rules.mode === "paused") socket.pause()
          else socket.resume()
        }
      })
    return {
      port: typeof address === "object" && address ? address.port : 0,
      pause: set(() => void (rules.mode = "paused")),
      deafen: set(() => void (rules.mode = "deaf")),
      resume: set(() => void (rules.mode = "pass")),
      reset: Effect.sync(() => {
        for (const socket of open) socket.resetAndDestroy()
      }),
      resetOne: Effect.sync(() => {
        const sockets = [...open]
        sockets[count % sockets.length]?.resetAndDestroy()
      }),
      delay: (millis) => set(() => void (rules.delay = millis)),
      cutAfter: (fits) => set(() => void (rules.cut = fits)),
      connections: Effect.sync(() => count)
    }
  })

const listen = (accept: (client: Socket) => void) =>
  Effect.callback<Server>((resume) => {
    const server = createServer(accept).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  })

const link = (client: Socket, upstream: Socket, rules: Rules, open: Set<Socket>) => {
  const both = [client, upstream]
  const end = () => {
    for (const socket of both) {
      open.delete(socket)
      socket.destroy()
    }
  }
  const pass = (to: Socket, data: Buffer) => {
    if (!to.destroyed) to.write(data)
  }
  const carry = (to: Socket, data: Buffer) =>
    rules.delay > 0 ? void setTimeout(() => pass(to, data), rules.delay) : pass(to, data)
  for (const socket of both) {
    open.add(socket)
    socket.setNoDelay(true).on("close", end).on("error", end)
    if (rules.mode === "paused") socket.pause()
  }
  client.on("data", (data: Buffer) => {
    carry(upstream, data)
    if (!rules.cut?.(data)) return
    rules.cut = undefined
    // The server gets what was sent, and nobody gets an answer.
    setImmediate(end)
  })
  upstream.on("data", (data: Buffer) => void (rules.mode === "deaf" || carry(client, data)))
}
