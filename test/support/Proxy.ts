import { Effect, type Scope } from "effect"
import { connect, createServer, type Server, type Socket } from "node:net"

/** What the network between a client and a server can do to what passes through it. */
export interface Proxy {
  readonly port: number
  /** Nothing passes in either direction; both sides see open connections. */
  readonly pause: Effect.Effect<void>
  /** What the server says is lost permanently; it hears everything. New connections are the same. */
  readonly deafen: Effect.Effect<void>
  /** Everything passes again. What was held back by `pause` does too; what was lost stays lost. */
  readonly resume: Effect.Effect<void>
  /** Every connection is reset, on both sides. */
  readonly reset: Effect.Effect<void>
  /** One connection is reset, on both sides. */
  readonly resetOne: Effect.Effect<void>
  /** Connections that are open carry nothing from now on, and neither side is told; new ones work. */
  readonly strand: Effect.Effect<void>
  /** Each piece that comes from now on is held back for so many milliseconds; the order stays. */
  readonly delay: (millis: number) => Effect.Effect<void>
  /** Every connection is cut on both sides as soon as the client has sent something that fits. */
  readonly cutAfter: (fits: (sent: Buffer) => boolean) => Effect.Effect<void>
  /** Every connection is cut on both sides before the client gets something from the server that fits. */
  readonly cutBefore: (fits: (said: Buffer) => boolean) => Effect.Effect<void>
  /** What the server says passes through this. */
  readonly change: (of: (said: Buffer) => Buffer) => Effect.Effect<void>
  /** Tells what passes, in pieces as they come, until the scope ends. */
  readonly overhear: (listener: Listener) => Effect.Effect<void, never, Scope.Scope>
  /** How many connections there were. */
  readonly connections: Effect.Effect<number>
}

export interface Listener {
  (piece: Buffer, from: "client" | "server"): void
}

interface Rules {
  mode: "pass" | "paused" | "deaf"
  delay: number
  cut: ((sent: Buffer) => boolean) | undefined
  silence: ((said: Buffer) => boolean) | undefined
  change: (said: Buffer) => Buffer
  readonly listeners: Set<Listener>
  /** Strands each open connection. */
  readonly strand: Set<() => void>
}

/** A TCP proxy before a port of this machine, until the scope ends. */
export const before = (port: number): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.gen(function*() {
    const rules: Rules = {
      mode: "pass",
      delay: 0,
      cut: undefined,
      silence: undefined,
      change: (said) => said,
      listeners: new Set(),
      strand: new Set()
    }
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
      strand: Effect.sync(() => {
        for (const strand of rules.strand) strand()
      }),
      delay: (millis) => set(() => void (rules.delay = millis)),
      cutAfter: (fits) => set(() => void (rules.cut = fits)),
      cutBefore: (fits) => set(() => void (rules.silence = fits)),
      change: (of) => set(() => void (rules.change = of)),
      overhear: (listener) =>
        Effect.asVoid(Effect.acquireRelease(
          Effect.sync(() => rules.listeners.add(listener)),
          () => Effect.sync(() => rules.listeners.delete(listener))
        )),
      connections: Effect.sync(() => count)
    }
  })

const listen = (accept: (client: Socket) => void) =>
  Effect.callback<Server>((resume) => {
    const server = createServer(accept).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  })

const link = (client: Socket, upstream: Socket, rules: Rules, open: Set<Socket>) => {
  const both = [client, upstream]
  let stranded = false
  const strand = () => void (stranded = true)
  rules.strand.add(strand)
  const end = (socket: Socket) => {
    rules.strand.delete(strand)
    // What is stranded does not hear that the other side has gone.
    for (const one of stranded ? [socket] : both) {
      open.delete(one)
      one.destroy()
    }
  }
  for (const socket of both) {
    open.add(socket)
    socket.setNoDelay(true).on("close", () => end(socket)).on("error", () => end(socket))
    if (rules.mode === "paused") socket.pause()
  }
  const toUpstream = lane(upstream, rules)
  const toClient = lane(client, rules)
  client.on("data", (data: Buffer) => {
    if (stranded) return
    toUpstream(data)
    for (const listener of rules.listeners) listener(data, "client")
    if (!rules.cut?.(data)) return
    rules.cut = undefined
    // The server gets what was sent, and no client gets an answer.
    setImmediate(() => end(client))
  })
  upstream.on("data", (data: Buffer) => {
    if (stranded || rules.mode === "deaf") return
    const fits = rules.silence
    if (fits?.(data)) {
      // Unless the one who was told has set another already.
      if (rules.silence === fits) rules.silence = undefined
      return end(upstream)
    }
    toClient(rules.change(data))
    for (const listener of rules.listeners) listener(data, "server")
  })
}

/** Carries pieces in their order, each after the delay that holds when it comes. */
const lane = (to: Socket, rules: Rules) => {
  const held: Array<{ readonly data: Buffer; readonly due: number }> = []
  const release = () => {
    for (let [first] = held; first !== undefined; [first] = held) {
      const left = first.due - performance.now()
      if (left > 0) return void setTimeout(release, left)
      held.shift()
      if (!to.destroyed) to.write(first.data)
    }
  }
  return (data: Buffer) => {
    held.push({ data, due: performance.now() + rules.delay })
    if (held.length === 1) release()
  }
}
