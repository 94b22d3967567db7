import { Effect, type Scope } from "effect"
import { connect, createServer, type Server, type Socket } from "node:net"

/** A controllable network between a client and a server. */
export interface Proxy {
  readonly port: number
  /** Blocks both directions. Both sides see open connections. */
  readonly pause: Effect.Effect<void>
  /** Drops everything that the server sends, also on new connections. The server still receives everything. */
  readonly deafen: Effect.Effect<void>
  /** Lets everything pass again. Data held back by `pause` is delivered; dropped data stays lost. */
  readonly resume: Effect.Effect<void>
  /** Resets every connection on both sides. */
  readonly reset: Effect.Effect<void>
  /** Resets one connection on both sides. */
  readonly resetOne: Effect.Effect<void>
  /** Drops all data of the open connections without closing them. New connections work. */
  readonly strand: Effect.Effect<void>
  /** Holds back each further piece for this number of milliseconds, in order. */
  readonly delay: (millis: number) => Effect.Effect<void>
  /** Closes the connection on both sides as soon as the client sends something that matches. Applies once. */
  readonly cutAfter: (fits: (sent: Buffer) => boolean) => Effect.Effect<void>
  /** Closes the connection on both sides before the client receives something that matches. Applies once. */
  readonly cutBefore: (fits: (said: Buffer) => boolean) => Effect.Effect<void>
  /** Applies a function to everything that the server sends. */
  readonly change: (of: (said: Buffer) => Buffer) => Effect.Effect<void>
  /** Reports all traffic to a listener, piece by piece, until the scope ends. */
  readonly overhear: (listener: Listener) => Effect.Effect<void, never, Scope.Scope>
  /** The number of connections so far. */
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
  /** A function for each open connection that strands it. */
  readonly strand: Set<() => void>
}

/** A TCP proxy in front of a local port, until the scope ends. */
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
    // A stranded connection must not see that the other side has closed.
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
    // The server receives the data, but the client receives no answer.
    setImmediate(() => end(client))
  })
  upstream.on("data", (data: Buffer) => {
    if (stranded || rules.mode === "deaf") return
    const fits = rules.silence
    if (fits?.(data)) {
      // The callback can have set another rule.
      if (rules.silence === fits) rules.silence = undefined
      return end(upstream)
    }
    toClient(rules.change(data))
    for (const listener of rules.listeners) listener(data, "server")
  })
}

/** Forwards pieces in order, each after the delay that applied when it arrived. */
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
