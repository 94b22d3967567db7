import { Buffer } from "node:buffer"
import { randomBytes } from "node:crypto"
import type { IncomingMessage } from "node:http"
import { bodyId } from "../EventLog/Names.ts"
import type { Outcome } from "../Process/Metrics.ts"

/** A request that was refused, as far as it is kept. Its sender is not authenticated. */
export interface Rejection {
  readonly id: string
  readonly reason: Outcome
  /** Milliseconds since the epoch. */
  readonly at: number
  /** When it is removed, in milliseconds of the monotonic clock, because the wall clock can be set back. */
  readonly expires: number
  /** Address that the request came from. Behind a proxy, the address of the proxy. */
  readonly source: string
  /** The path of the request, at most 256 characters. */
  readonly path: string
  /** The headers `User-Agent`, `Content-Type`, `Content-Encoding`, `X-Forwarded-For` and the signature. */
  readonly headers: Readonly<Record<string, string>>
  /** Size of the body in bytes, as far as it was read, or as declared. */
  readonly size: number
  /** The first bytes of the body. They are complete if there are `size` of them. Empty if the body was erased. */
  readonly head: Uint8Array
}

/** Maximum number of kept requests, of those kept per second, and of kept bytes of each body. */
export const keptRejections = 200
export const keptPerSecond = 10
export const keptBytes = 8_192

/** How long a request is kept, in milliseconds. It is limited because the body can hold personal data. */
export const keptFor = 3_600_000

const keptHeaders = [
  "x-3qpr-signature",
  "user-agent",
  "content-type",
  "content-encoding",
  "x-forwarded-for"
]
const keptHeaderLength = 256

/** The last requests that this process refused. A flood of requests costs bounded memory and little time. */
export class Rejections {
  #kept: Array<Rejection> = []
  #second = 0
  #inSecond = 0
  #refused = 0
  readonly #wasErased: (id: string) => boolean

  /** `wasErased`: whether an id could be erased. The body of a request is known by its hash, without parsing it. */
  constructor(wasErased: (id: string) => boolean = () => false) {
    this.#wasErased = wasErased
  }

  /** Number of requests refused since the start, including those not kept. */
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

  /** Removes all of them. The count stays. */
  clear(): void {
    this.#kept = []
  }

  /** Removes those that have expired at `now`, in milliseconds of the monotonic clock. */
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
      // A copy, so that the memory of a larger body is not retained.
      head: body === undefined || this.#wasErased(bodyId(body))
        ? Buffer.alloc(0)
        : Buffer.from(body.subarray(0, keptBytes))
    })
  }
}
