import { Effect, type Scope } from "effect"
import { Buffer } from "node:buffer"
import { connect } from "node:net"
import type { LiveStatus, Skipped } from "../../src/Admin/Api/Live.ts"

/** A message of `/v1/live`. */
export interface Message {
  readonly id: string | undefined
  readonly event: string | undefined
  readonly data: unknown
}

/** A client of `/v1/live` with its own socket, so that it can stop reading. */
export interface LiveStream {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** All received messages, in order. */
  readonly messages: ReadonlyArray<Message>
  /** The sequences of the received entries. */
  readonly sequences: () => ReadonlyArray<number>
  readonly statuses: () => ReadonlyArray<LiveStatus>
  readonly skips: () => ReadonlyArray<Skipped>
  readonly text: () => string
  /** Waits until a condition holds. */
  readonly until: (fits: () => boolean) => Effect.Effect<void>
  readonly pause: () => void
  readonly resume: () => void
  /** Waits for the end. True when the server ended the stream, false when the connection broke. */
  readonly ended: Effect.Effect<boolean>
  readonly close: () => void
}

/** Connects a client until the scope ends. */
export const live = (
  admin: string,
  { headers = {}, query = "" }: { readonly headers?: Record<string, string>; readonly query?: string } = {}
): Effect.Effect<LiveStream, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { host, hostname, port } = new URL(admin)
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => connect(Number(port), hostname)),
      (socket) => Effect.sync(() => void socket.destroy())
    )
    const messages: Array<Message> = []
    const sequences: Array<number> = []
    const waiting = new Set<() => void>()
    let text = ""
    let rest = ""
    const read = (chunk: string) => {
      if (text.length < 1_000_000) text += chunk
      const parts = (rest + chunk).split("\n\n")
      rest = parts.pop() ?? ""
      for (const part of parts) {
        const message = messageOf(part)
        if (message.data === undefined) continue
        messages.push(message)
        if (message.event === "entry") sequences.push(Number(message.id))
      }
      waiting.forEach((look) => look())
    }
    let complete = false
    const body = new Chunks(read, () => void (complete = true))
    const ended = new Promise<boolean>((resolve) => socket.once("close", () => resolve(complete)))
    const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    const head = yield* Effect.callback<ReadonlyArray<string>>((resume) => {
      let received = Buffer.alloc(0)
      socket.on("error", (error) => resume(Effect.die(error)))
      socket.on("data", function answer(data) {
        received = Buffer.concat([received, data])
        const end = received.indexOf("\r\n\r\n")
        if (end < 0) return
        socket.off("data", answer)
        socket.on("data", (data) => body.push(data))
        body.push(received.subarray(end + 4))
        resume(Effect.succeed(received.subarray(0, end).toString().split("\r\n")))
      })
      socket.write(`GET /v1/live${query} HTTP/1.1\r\n${lines.join("")}\r\n`)
    })
    const dataOf = <A>(event: string) =>
      messages.filter((message) => message.event === event).map(({ data }) => data as A)
    return {
      status: Number(head[0]?.split(" ")[1]),
      headers: Object.fromEntries(
        head.slice(1).map((line) => {
          const at = line.indexOf(":")
          return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()]
        })
      ),
      messages,
      sequences: () => sequences,
      statuses: () => dataOf<LiveStatus>("status"),
      skips: () => dataOf<Skipped>("skipped"),
      text: () => text,
      until: (fits) =>
        Effect.callback<void>((resume) => {
          const look = () => {
            if (!fits()) return
            waiting.delete(look)
            resume(Effect.void)
          }
          waiting.add(look)
          look()
          return Effect.sync(() => void waiting.delete(look))
        }),
      pause: () => void socket.pause(),
      resume: () => void socket.resume(),
      ended: Effect.promise(() => ended),
      close: () => void socket.destroy()
    }
  })

/** Decodes a chunked body. */
class Chunks {
  readonly #read: (text: string) => void
  readonly #end: () => void
  readonly #utf8 = new TextDecoder()
  #received = Buffer.alloc(0)

  constructor(read: (text: string) => void, end: () => void) {
    this.#read = read
    this.#end = end
  }

  push(data: Uint8Array): void {
    this.#received = Buffer.concat([this.#received, data])
    while (true) {
      const line = this.#received.indexOf("\r\n")
      const size = Number.parseInt(this.#received.subarray(0, Math.max(0, line)).toString(), 16)
      if (line < 0 || this.#received.length < line + size + 4) return
      if (size === 0) return this.#end()
      const chunk = this.#received.subarray(line + 2, line + 2 + size)
      this.#received = this.#received.subarray(line + size + 4)
      this.#read(this.#utf8.decode(chunk, { stream: true }))
    }
  }
}

const messageOf = (text: string): Message => {
  const fields = new Map(
    text.split("\n").map((line) => {
      const [, name = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? []
      return [name, value] as const
    })
  )
  const data = fields.get("data")
  return {
    id: fields.get("id"),
    event: fields.get("event"),
    data: data === undefined ? undefined : JSON.parse(data)
  }
}
