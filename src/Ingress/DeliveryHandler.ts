import { Cause, Context, Effect, Exit, LogLevel, References } from "effect"
import type { Buffer } from "node:buffer"
import type { IncomingMessage, ServerResponse } from "node:http"
import { ErasedIds } from "../EventLog/ErasedIds.ts"
import type { AppendFailed } from "../EventLog/EventLog.ts"
import { ingest, type Outcome } from "../Process/Metrics.ts"
import { SlotMap } from "../Process/SlotMap.ts"
import { Tracing } from "../Process/Telemetry/Tracing.ts"
import * as Signature from "../Signature/Signature.ts"
import { Body } from "./Body.ts"
import type { Ingress, Receipt, Rejected } from "./Ingress.ts"
import { deadline, mostUnread } from "./Limits.ts"
import { Rejections } from "./Rejections.ts"
import { answer, answerUnavailable, refuse } from "./Responses.ts"

interface Delivery {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly body: Body
  readonly expires: number
  place: number
  /** Bytes of the body received so far. */
  size: number
  read: boolean
}

/**
 * Handles deliveries: reads each within bounds, accepts it and responds before its deadline. If too many deliveries
 * wait for the log, further ones get 503 without being read. Bodies that are still being received are bounded by
 * their total memory, so slow clients cannot block others. One timer checks all deadlines.
 */
export class DeliveryHandler {
  readonly rejections: Rejections
  readonly #ingress: Ingress["Service"]
  readonly #fork: <A, E>(effect: Effect.Effect<A, E>) => ReturnType<typeof Effect.runFork<A, E>>
  readonly #limits: { readonly maxBodyBytes: number; readonly maxInFlight: number }
  readonly #tracing: Tracing | undefined
  /** Whether each delivery is logged. */
  readonly #told: boolean
  readonly #open = new SlotMap<Delivery>()
  readonly #sweep: ReturnType<typeof setInterval>
  #storing = 0
  #unread = 0

  constructor(
    ingress: Ingress["Service"],
    context: Context.Context<never>,
    limits: { readonly maxBodyBytes: number; readonly maxInFlight: number }
  ) {
    this.#ingress = ingress
    this.#fork = Effect.runForkWith(context)
    this.#limits = limits
    this.#tracing = Context.get(context, Tracing)
    this.rejections = new Rejections(Context.get(context, ErasedIds).mayHave)
    this.#told = LogLevel.isGreaterThanOrEqualTo("Debug", Context.get(context, References.MinimumLogLevel))
    ingest.start()
    this.#sweep = setInterval(() => this.#expire(), 100)
  }

  /** Closes the connection of each delivery in flight after its response. */
  drain(): void {
    for (const { response } of this.#open.values()) response.setHeader("connection", "close")
  }

  close(): void {
    clearInterval(this.#sweep)
  }

  receive(request: IncomingMessage, response: ServerResponse): void {
    if (this.#storing >= this.#limits.maxInFlight) {
      ingest.refused("too_many_in_flight")
      request.resume()
      return answerUnavailable(response)
    }
    const { "content-encoding": encoding, "content-length": length } = request.headers
    if (encoding && encoding.toLowerCase() !== "identity") {
      this.#refuse("unsupported_encoding", request)
      return refuse(response, "unsupported_encoding")
    }
    if (Number(length) > this.#limits.maxBodyBytes) {
      this.#refuse("body_too_large", request)
      return refuse(response, "body_too_large")
    }
    const delivery: Delivery = {
      request,
      response,
      body: new Body(this.#limits.maxBodyBytes),
      expires: performance.now() + deadline,
      place: 0,
      size: 0,
      read: false
    }
    delivery.place = this.#open.add(delivery)
    request.on("data", (chunk: Buffer) => this.#take(delivery, chunk))
    request.on("end", () => this.#accept(delivery))
    request.on("error", () => delivery.read || this.#end(delivery, "aborted"))
    // From here on, each part is received while it is parsed. Otherwise the stream first buffers all parts of what
    // was read from the connection, which takes a hundred times the memory of parts of one byte.
    request.read(0)
  }

  /** Records a signed request to a path that does not take deliveries. */
  misdirected(request: IncomingMessage): void {
    if (request.headers[Signature.header] !== undefined) this.#refuse("wrong_path", request)
  }

  #take(delivery: Delivery, chunk: Buffer): void {
    if (this.#open.at(delivery.place) !== delivery) return
    const { body } = delivery
    delivery.size += chunk.length
    if (delivery.size <= this.#limits.maxBodyBytes && !body.isCrumbs) {
      this.#unread -= body.held
      body.add(chunk)
      this.#unread += body.held
      return this.#unread <= mostUnread(this.#limits.maxBodyBytes) ? undefined : this.#shed()
    }
    const crumbs = body.isCrumbs
    this.#end(delivery, "body_too_large")
    // The rest of the body is discarded, within the listener's request time-out. Closing the connection now could
    // lose the response for a client that is still sending.
    refuse(delivery.response, "body_too_large")
    // Exception: a body in very small parts would keep the process busy until then.
    if (crumbs) delivery.request.destroy()
  }

  /** Ends the delivery whose body has been arriving for the longest time, to free memory. */
  #shed(): void {
    const unread = this.#open.values().filter(({ read }) => !read)
    const [first, ...others] = unread
    if (first === undefined) return
    const oldest = others.reduce((oldest, one) => one.expires < oldest.expires ? one : oldest, first)
    this.#end(oldest, "too_many_in_flight")
    oldest.response.setHeader("connection", "close")
    answerUnavailable(oldest.response)
  }

  #accept(delivery: Delivery): void {
    if (this.#open.at(delivery.place) !== delivery) return
    if (this.#storing >= this.#limits.maxInFlight) {
      this.#end(delivery, "too_many_in_flight")
      return answerUnavailable(delivery.response)
    }
    delivery.read = true
    this.#unread -= delivery.body.held
    this.#storing++
    ingest.inFlight(1)
    this.#fork(this.#acceptance(delivery)).addObserver((exit) => {
      this.#storing--
      ingest.inFlight(-1)
      const outcome = outcomeOf(exit)
      if (!this.#end(delivery, outcome)) return
      settle(delivery.response, exit)
      if (this.#told && Exit.isSuccess(exit) && exit.value.ok) {
        const millis = Math.round(performance.now() - delivery.expires + deadline)
        this.#fork(
          Effect.logDebug(`delivery ${exit.value.id ?? "without an id"}: ${outcome} in ${millis} ms`)
        )
      }
      if (Exit.isFailure(exit) && Cause.hasDies(exit.cause)) {
        this.#fork(
          Effect.logError("a delivery failed with an unexpected error and was answered 503", exit.cause)
        )
      }
    })
  }

  /**
   * Checks the signature before storing. The trace of the request is continued only if the signature is valid,
   * because it decides sampling.
   */
  #acceptance(
    { body: { bytes }, request: { headers } }: Delivery
  ): Effect.Effect<Receipt | Rejected, AppendFailed> {
    const signature = headers[Signature.header]?.toString()
    const rejected = this.#ingress.check(bytes, signature)
    if (rejected === undefined) {
      const store = this.#ingress.store(bytes, signature ?? "")
      return this.#tracing?.delivery(headers, store) ?? store
    }
    const refuse = Effect.succeed(rejected)
    return this.#tracing?.delivery({}, refuse) ?? refuse
  }

  #expire(): void {
    const now = performance.now()
    this.rejections.expire(now)
    for (const delivery of this.#open.values()) {
      if (delivery.expires > now) continue
      this.#end(delivery, delivery.read ? "unavailable" : "body_too_slow")
      if (delivery.read) answerUnavailable(delivery.response)
      else refuse(delivery.response, "body_too_slow", { connection: "close" })
    }
  }

  #refuse(outcome: Outcome, request: IncomingMessage): void {
    ingest.refused(outcome)
    this.rejections.add(outcome, request, undefined, Number(request.headers["content-length"]) || 0)
    // The rest is discarded, as Node does by default. A client may not read the response before it has sent
    // everything.
    request.resume()
  }

  /** Ends a delivery. Returns false if it was already answered. */
  #end(delivery: Delivery, outcome: Outcome): boolean {
    if (!this.#open.delete(delivery.place, delivery)) return false
    if (!delivery.read) this.#unread -= delivery.body.held
    if (rejected.has(outcome)) {
      this.rejections.add(outcome, delivery.request, delivery.body.bytes, delivery.size)
    }
    // The request object stays in memory until its connection has discarded the rest of the body.
    delivery.body.clear()
    ingest.answered(outcome, performance.now() - delivery.expires + deadline)
    return true
  }
}

/** Outcomes caused by the sender, not by this process. */
const rejected: ReadonlySet<Outcome> = new Set<Outcome>([
  "missing_signature",
  "ambiguous_signature",
  "invalid_signature",
  "body_too_large",
  "body_too_slow"
])

const outcomeOf = (exit: Exit.Exit<Receipt | Rejected, AppendFailed>): Outcome =>
  Exit.isFailure(exit)
    ? "unavailable"
    : !exit.value.ok
    ? exit.value.error
    : exit.value.erased
    ? "erased"
    : exit.value.duplicate
    ? "duplicate"
    : exit.value.quarantined === undefined
    ? "stored"
    : "quarantined"

const settle = (response: ServerResponse, exit: Exit.Exit<Receipt | Rejected, AppendFailed>) => {
  if (Exit.isFailure(exit)) return answerUnavailable(response)
  return exit.value.ok
    ? answer(response, 200, exit.value)
    : refuse(response, exit.value.error)
}
