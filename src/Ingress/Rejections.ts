import { Buffer } from "node:buffer"
import { randomBytes } from "node:crypto"
import type { IncomingMessage } from "node:http"
import type { Outcome } from "../Process/Metrics.ts"

/** A request that was refused, as far as it is kept: it proved nothing of who sent it. */
export interface Rejection {
  readonly id: string
  readonly reason: Outcome
  /** Milliseconds since the epoch. */
  readonly at: number
  /** When it is forgotten, in milliseconds of the monotonic clock: the wall clock can be set back. */
  readonly expires: number
  /** Address that the request came from; that of a proxy, if there is one. */
  readonly source: string
  /** The path that the request named, at most 256 characters of it. */
  readonly path: string
  /** The headers `User-Agent`, `Content-Type`, `Content-Encoding`, `X-Forwarded-For` and the signature. */
  readonly headers: Readonly<Record<string, string>>
  /** Of the body, as far as it was read, or as it was declared. */
  readonly size: number
  /** Its first bytes; all of them when they are `size`. */
  readonly head: Uint8Array
}

/** The most that is kept: requests, those of a second, and bytes of each. */
export const keptRejections = 200
export const keptPerSecond = 10
export const keptBytes = 8_192

/** How long a request is kept, in milliseconds: its body can hold personal data. */
export const keptFor = 3_600_000

const keptHeaders = [
  "x-3qpr-signature",
  "user-agent",
  "content-type",
  "content-encoding",
  "x-forwarded-for"
]
const keptHeaderLength = 256

/** The last requests that this process refused. Whoever floods us costs a bounded memory and little time. */
export class Rejections {
  #kept: Array<Rejection> = []
  #second = 0
  #inSecond = 0
  #refused = 0

  /** Refused since the start, kept or not. */
  get refused(): number {
    return this.#refused
  }

  /** Newest first. */
  all(): ReadonlyArray<Rejection> {
    return this.#kept.toReversed()
  }

  find(id: string): Rejection | undefined {
    return this.#kept.find((rejection) => rejection.id === id)
  }

  /** Forgets all of them. How many there were is still known. */
  clear(): void {
    this.#kept = []
  }

  /** Forgets those that are too old at a time, in milliseconds of the monotonic clock. */
  expire(now: number): void {
    while ((this.#kept[0]?.expires ?? Infinity) <= now) this.#kept.shift()
  }

  add(reason: Outcome, request: IncomingMessage, body: Uint8Array | undefined, size: number): void {
    this.#refused++
    const at = Date.now()
    const second = Math.floor(at / 1_000)
    if (second !== this.#second) this.#inSecond = 0
    this.#second = second
    if (++this.#inSecond > keptPerSecond) return
    if (this.#kept.length >= keptRejections) this.#kept.shift()
    this.#kept.push({
      id: randomBytes(9).toString("base64url"),
      reason,
      at,
      expires: performance.now() + keptFor,
      path: (request.url ?? "").split("?", 1)[0]?.slice(0, keptHeaderLength) ?? "",
      source: request.socket.remoteAddress ?? "",
      headers: Object.fromEntries(keptHeaders.flatMap((name) => {
        const value = request.headers[name]?.toString()
        return value === undefined ? [] : [[name, value.slice(0, keptHeaderLength)]]
      })),
      size,
      // A copy, so that nothing keeps the memory of a larger body.
      head: Buffer.from(body?.subarray(0, keptBytes) ?? [])
    })
  }
}
