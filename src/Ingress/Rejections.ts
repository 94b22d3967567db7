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

/** The parts of a request that are kept. */
type Refused = Pick<IncomingMessage, "headers" | "url"> & {
  readonly socket: Pick<IncomingMessage["socket"], "remoteAddress">
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

/** Strings that can be the id of an event, in JSON that may be cut off. */
const possibleIds = /"id"\s*:\s*"([^"\\]{1,256})"/g

/** Maximum number of these strings that are looked up. 3QPR writes the id of an event first. */
const mostIds = 16

/**
 * The ids by which a body could be erased: its hash, and strings named `id`. A body that 3QPR did not sign, or a part
 * of a body, has no other proof of its id. Dropping too many of them does no harm.
 */
const idsOf = (body: Uint8Array): ReadonlyArray<string> => {
  const ids = [bodyId(body)]
  for (
    const [, id] of Buffer.from(body.buffer, body.byteOffset, body.length).toString().matchAll(possibleIds)
  ) {
    if (ids.length > mostIds) break
    if (id !== undefined) ids.push(id)
  }
  return ids
}

/** The last requests that this process refused. A flood of requests costs bounded memory and little time. */
export class Rejections {
  #kept: Array<Rejection> = []
  #second = 0
  #inSecond = 0
  #refused = 0
  readonly #wasErased: (id: string) => boolean

  /** `wasErased`: whether an id could be erased. */
  constructor(wasErased: (id: string) => boolean = () => false) {
    this.#wasErased = wasErased
  }

  /** Number of requests refused since the start, including those not kept. */
  get refused(): number {
    return this.#refused
  }

  /** Newest first. */
  all(): ReadonlyArray<Rejection> {
    this.#dropErased()
    return this.#kept.toReversed()
  }

  find(id: string): Rejection | undefined {
    this.#dropErased()
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

  add(reason: Outcome, request: Refused, body: Uint8Array | undefined, size: number): void {
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
      head: body === undefined || this.#isErased(body)
        ? Buffer.alloc(0)
        : Buffer.from(body.subarray(0, keptBytes))
    })
  }

  #isErased(body: Uint8Array): boolean {
    return idsOf(body).some((id) => this.#wasErased(id))
  }

  /** Drops bodies that were erased after their rejection, while this process was not connected to the broker. */
  #dropErased(): void {
    this.#kept = this.#kept.map((rejection) =>
      this.#isErased(rejection.head) ? { ...rejection, head: Buffer.alloc(0) } : rejection
    )
  }
}
