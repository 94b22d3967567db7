import { Buffer } from "node:buffer"
import { connect } from "node:net"

/** One step on a connection: bytes to write, or a number of milliseconds to wait. */
export type Step = Uint8Array | number | "half-close" | "reset"

/** A response as received. */
export interface Response {
  readonly status: number
  readonly body: string
  /** Whether the response announces that the connection closes. */
  readonly closes: boolean
}

/** The result of a connection. */
export interface Exchange {
  readonly responses: ReadonlyArray<Response>
  /** Received data that is no HTTP response. It should be empty. */
  readonly rest: string
  /** Whether the server closed the connection, the client timed out, or all answers arrived. */
  readonly end: "closed" | "timeout" | "answered"
  /** Whether the next request was sent. */
  readonly continued: boolean
  readonly took: number
}

export interface ExchangeOptions {
  /**
   * The client disconnects after this number of answers. Until then the server must answer or close the connection.
   */
  readonly answers: number
  /** A request to send on the same connection if it is still open after all these answers. */
  readonly next?: Uint8Array | undefined
  /** Whether the requests are HEAD, so that answers have no body. */
  readonly head?: boolean
  /** How long to wait for answers after the last step, in milliseconds. */
  readonly patience?: number
}

/** Executes the steps on a new connection, and reads all responses meanwhile. */
export const exchange = (port: number, steps: ReadonlyArray<Step>, options: ExchangeOptions) =>
  new Promise<Exchange>((resolve) => {
    const began = performance.now()
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true })
    let received: Buffer = Buffer.alloc(0)
    let timer: ReturnType<typeof setTimeout> | undefined
    let over = false
    let sent = false
    let continued = false
    const finish = (end: Exchange["end"]) => {
      if (over) return
      over = true
      clearTimeout(timer)
      socket.destroy()
      resolve({ ...parse(received, options.head === true), end, continued, took: performance.now() - began })
    }
    const advance = () => {
      const { responses } = parse(received, options.head === true)
      if (continued) return void (responses.length > options.answers && finish("answered"))
      if (responses.length < options.answers) return
      if (options.next === undefined || responses.at(-1)?.closes === true) return finish("answered")
      if (!sent) return
      continued = true
      socket.write(options.next)
    }
    socket.on("data", (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      advance()
    })
    socket.on("end", () => finish("closed"))
    socket.on("error", () => finish("closed"))
    socket.on("close", () => finish("closed"))
    const run = async () => {
      for (const step of steps) {
        if (over) return
        if (typeof step === "number") await new Promise((wake) => setTimeout(wake, step))
        else if (step === "half-close") socket.end()
        else if (step === "reset") return void socket.resetAndDestroy()
        else if (!socket.write(step)) await flushed()
      }
      sent = true
      timer = setTimeout(() => finish("timeout"), options.patience ?? 15_000)
      advance()
    }
    const flushed = () =>
      new Promise<void>((wake) => {
        socket.once("drain", wake)
        socket.once("close", () => wake())
      })
    socket.once("connect", () => void run())
  })

/** The complete responses at the start of the received data, and the remaining data. */
export const parse = (received: Buffer, head: boolean) => {
  const responses: Array<Response> = []
  let at = 0
  while (at < received.length) {
    const end = received.indexOf("\r\n\r\n", at)
    if (end < 0) break
    const [statusLine = "", ...headers] = received.toString("latin1", at, end).split("\r\n")
    const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(`${statusLine} `)?.[1] ?? NaN)
    if (Number.isNaN(status)) break
    const length = Number(
      headers.map((header) => /^content-length:\s*(\d+)\s*$/i.exec(header)?.[1]).find(Boolean) ?? 0
    )
    const from = end + 4
    const interim = status < 200
    const closes = headers.some((header) => /^connection:\s*close$/i.test(header))
    const chunked = headers.some((header) => /^transfer-encoding:\s*chunked$/i.test(header))
    const to = interim || head ? from : chunked ? endOfChunks(received, from) : from + length
    if (to > received.length) break
    if (!interim) responses.push({ status, body: received.toString("utf8", from, to), closes })
    at = to
  }
  return { responses, rest: received.toString("latin1", at, at + 200) }
}

/** The end of a chunked body, or Infinity while it is incomplete. */
const endOfChunks = (received: Buffer, from: number): number => {
  for (let at = from;;) {
    const end = received.indexOf("\r\n", at)
    const size = end < 0 ? NaN : Number.parseInt(received.toString("latin1", at, end), 16)
    if (Number.isNaN(size)) return Infinity
    at = end + 2 + size + 2
    if (size === 0) return at
  }
}
