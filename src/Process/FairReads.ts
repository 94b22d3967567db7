import type { Buffer } from "node:buffer"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"

/** The longest time in one turn of the event loop that is spent on received bytes, in milliseconds. */
const mostPerTurn = 5

/** The largest number of bytes that are parsed at once. Most deliveries have fewer. In tiny chunks, they take about 2 ms. */
const slice = 2_048

/** The number of stopped connections that are read again in one turn. */
const readAgain = 6

/** The number of waiting bytes above which connections with priority are stopped too. */
const mostWaiting = 4_194_304

/**
 * Members of a socket of an HTTP server that Node 24 and Deno 2.9 have, and that their types lack. Where they are missing,
 * every request is still parsed, but not in turns.
 */
interface Internals {
  readonly parser?: { readonly unconsume?: () => void } | null
  readonly _handle?: { readonly readStop?: () => void; readonly readStart?: () => void } | null
}

/**
 * Shares the time for parsing among the connections of a listener. Without this, Node and Deno parse what up to 1,024
 * connections have sent in one turn of the event loop. With bodies in tiny chunks, such a turn took seconds.
 *
 * When a turn has no time left, the listener stops reading. What clients send then waits in the operating system and
 * takes no memory of the process. A few connections are read again in each turn. Connections that delivered a signed
 * event have priority: they get four fifths of the time, and are read on while few bytes wait.
 */
export const readFairly = (server: Server): void => {
  const turns = new Turns()
  server.on("connection", (socket: Socket) => turns.admit(socket))
  server.prependListener("request", ({ method, socket }: IncomingMessage, response: ServerResponse) => {
    const connection = turns.of(socket)
    if (method !== "POST" || connection === undefined || connection.isTrusted) return
    response.once("finish", () => void (connection.isTrusted ||= response.statusCode === 200))
  })
}

/** The connections of a listener, and those whose bytes wait for a turn of the event loop. */
class Turns {
  readonly #connections = new Map<Socket, Connection>()
  readonly #reading = new Set<Connection>()
  readonly #stopped = new Set<Connection>()
  readonly #first: Array<Connection> = []
  readonly #others: Array<Connection> = []
  #waiting = 0
  #picked = 0
  #began: number | undefined

  admit(socket: Socket): void {
    const connection = new Connection(socket, this)
    this.#connections.set(socket, connection)
    this.#reading.add(connection)
    if (this.#stopped.size > 0) this.#stop(connection)
    socket.once("close", () => {
      this.#connections.delete(socket)
      this.#reading.delete(connection)
      this.#stopped.delete(connection)
      connection.clear()
    })
  }

  of(socket: Socket): Connection | undefined {
    return this.#connections.get(socket)
  }

  /** Whether nothing waits, and this turn has time left. */
  get isFree(): boolean {
    return this.#first.length === 0 && this.#others.length === 0 && this.#hasTime()
  }

  /** Adds a connection whose bytes wait, and stops reading the others. */
  add(connection: Connection): void {
    const queue = connection.isTrusted ? this.#first : this.#others
    queue.push(connection)
    this.#hasTime()
    for (const one of this.#reading) {
      if (one === connection || !one.isTrusted || this.#waiting > mostWaiting) this.#stop(one)
    }
  }

  /** Counts bytes that wait, or that no longer do. */
  count(bytes: number): void {
    this.#waiting += bytes
  }

  #stop(connection: Connection): void {
    this.#reading.delete(connection)
    this.#stopped.add(connection)
    connection.stop()
  }

  /** Whether this turn has time left. The first question begins a turn. */
  #hasTime(): boolean {
    const now = performance.now()
    if (this.#began === undefined) {
      this.#began = now
      // Deno 2.9.6 does not read between two callbacks of `setImmediate`.
      setTimeout(() => this.#next(), 0)
    }
    return now - this.#began < mostPerTurn
  }

  #next(): void {
    this.#began = undefined
    while (this.#first.length + this.#others.length > 0 && this.#hasTime()) this.#pick()?.parse()
    if (this.#others.length > 0) return
    let count = readAgain
    for (const connection of this.#stopped) {
      if (count-- === 0) return
      this.#hasTime()
      this.resume(connection)
    }
  }

  /** The next connection: four with priority, then one of the others. */
  #pick(): Connection | undefined {
    return ++this.#picked % 5 > 0
      ? this.#first.shift() ?? this.#others.shift()
      : this.#others.shift() ?? this.#first.shift()
  }

  /** Reads from a connection again. */
  resume(connection: Connection): void {
    if (!this.#stopped.delete(connection)) return
    this.#reading.add(connection)
    connection.resume()
  }
}

/** A connection, and the bytes that it sent and its parser has not received yet. */
class Connection {
  /** Whether it delivered a signed event. */
  isTrusted = false
  #isParsing = false
  #waiting: Array<Buffer> = []
  readonly #socket: Socket & Internals
  readonly #turns: Turns
  readonly #parsers: ReadonlyArray<(bytes: Buffer) => void>

  constructor(socket: Socket, turns: Turns) {
    this.#socket = socket
    this.#turns = turns
    this.#parsers = socket.listeners("data") as Array<(bytes: Buffer) => void>
    this.#socket.parser?.unconsume?.()
    socket.removeAllListeners("data").on("data", this.#receive)
  }

  /** Parses the next bytes. Those of a closed connection are dropped: another one can have its parser by now. */
  parse(): void {
    const [bytes] = this.#waiting
    // No listener is left when the rest must not be parsed.
    const isOpen = !this.#socket.destroyed && this.#socket.listenerCount("data") > 0
    if (bytes === undefined || !isOpen) return this.clear()
    if (bytes.length > slice) this.#waiting[0] = bytes.subarray(slice)
    else this.#waiting.shift()
    this.#turns.count(-Math.min(slice, bytes.length))
    // Before parsing, because a parser can stop the reads again.
    if (this.#waiting.length === 0) this.#turns.resume(this)
    this.#feed(bytes.subarray(0, slice))
  }

  #feed(bytes: Buffer): void {
    this.#isParsing = true
    for (const parse of this.#parsers) parse.call(this.#socket, bytes)
    this.#isParsing = false
    if (this.#waiting.length > 0) this.#turns.add(this)
  }

  stop(): void {
    this.#socket._handle?.readStop?.()
  }

  resume(): void {
    this.#socket._handle?.readStart?.()
  }

  /** Drops the bytes that wait. */
  clear(): void {
    const bytes = this.#waiting.reduce((sum, { length }) => sum + length, 0)
    this.#waiting = []
    this.#turns.count(-bytes)
  }

  readonly #receive = (bytes: Buffer): void => {
    // The bytes before these come first.
    const isNext = !this.#isParsing && this.#waiting.length === 0
    const isNow = isNext && this.#turns.isFree
    if (isNow && bytes.length <= slice) {
      this.#turns.resume(this)
      return this.#feed(bytes)
    }
    this.#turns.count(bytes.length)
    this.#waiting.push(bytes)
    if (isNow) this.parse()
    else if (isNext) this.#turns.add(this)
  }
}
