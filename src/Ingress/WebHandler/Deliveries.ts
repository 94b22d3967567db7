import { Cause, Effect, Exit } from "effect"
import { Buffer } from "node:buffer"
import process from "node:process"
import * as Signature from "../../Signature/Signature.ts"
import { Body } from "../Body.ts"
import { deadline, isEncoded, mostUnread } from "../Limits.ts"
import { type Refusal, web } from "../Responses.ts"
import { type Core, log } from "./Core.ts"

interface Delivery {
  readonly request: Request
  readonly body: Body
  /** Whether the body is complete. */
  read: boolean
  /** Cancels the rest of the body. The framework decides whether to close the connection. */
  cancel: () => void
  /** Responds. Only the first call has an effect. */
  readonly settle: (response: Response) => void
}

/** The deliveries in flight of a web handler, with the limits and the order of steps of the public listener. */
export class Deliveries {
  readonly #core: Core
  readonly #limits: { readonly maxBodyBytes: number; readonly maxInFlight: number }
  readonly #open = new Set<Delivery>()
  #storing = 0
  #unread = 0
  #closed = false
  #idle: (() => void) | undefined

  constructor(core: Core, limits: { readonly maxBodyBytes: number; readonly maxInFlight: number }) {
    this.#core = core
    this.#limits = limits
  }

  async handle(request: Request): Promise<Response> {
    if (request.method !== "POST") return web.refusal("method_not_allowed")
    if (this.#closed || this.#storing >= this.#limits.maxInFlight) return web.refusal("unavailable")
    if (isEncoded(request.headers.get("content-encoding"))) return web.refusal("unsupported_encoding")
    if (Number(request.headers.get("content-length")) > this.#limits.maxBodyBytes) {
      return web.refusal("body_too_large")
    }
    if (request.bodyUsed || request.body?.locked === true) {
      log(Effect.logError(alreadyRead))
      return web.refusal("unavailable")
    }
    return new Promise((resolve) => {
      const delivery: Delivery = {
        request,
        body: new Body(this.#limits.maxBodyBytes),
        read: false,
        cancel: () => undefined,
        settle: (response) => {
          if (!this.#open.delete(delivery)) return
          clearTimeout(timer)
          if (!delivery.read) {
            this.#unread -= delivery.body.held
            delivery.cancel()
          }
          delivery.body.clear()
          resolve(response)
          if (this.#open.size === 0) this.#idle?.()
        }
      }
      const timer = setTimeout(
        () => this.#refuse(delivery, delivery.read ? "unavailable" : "body_too_slow"),
        deadline
      )
      this.#open.add(delivery)
      this.#receive(delivery).catch((error: unknown) => {
        log(
          Effect.logError("a delivery failed with an unexpected error and was answered 503", Cause.die(error))
        )
        this.#refuse(delivery, "unavailable")
      })
    })
  }

  /**
   * Accepts no further deliveries. Resolves when all deliveries in flight are answered; their deadline bounds the
   * wait.
   */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#open.size > 0) await new Promise<void>((resolve) => this.#idle = resolve)
  }

  async #receive(delivery: Delivery): Promise<void> {
    if (!await this.#read(delivery)) return
    if (this.#storing >= this.#limits.maxInFlight) return this.#refuse(delivery, "unavailable")
    delivery.read = true
    this.#unread -= delivery.body.held
    const { bytes } = delivery.body
    const signature = delivery.request.headers.get(Signature.header) ?? undefined
    const rejected = this.#core.check(bytes, signature)
    if (rejected !== undefined) return this.#refuse(delivery, rejected.error)
    this.#storing++
    try {
      await this.#store(delivery, bytes, signature ?? "")
    } finally {
      this.#storing--
    }
  }

  async #store(delivery: Delivery, bytes: Buffer, signature: string): Promise<void> {
    const opened = await this.#core.open().catch(() => undefined)
    if (opened === undefined) return this.#refuse(delivery, "unavailable")
    // Connecting took too long. The delivery was already answered, and 3QPR delivers it again.
    if (!this.#open.has(delivery)) return
    if (bytes.length > opened.maxBodyBytes) return this.#refuse(delivery, "body_too_large")
    const exit = await opened.store(bytes, signature)
    if (Exit.isSuccess(exit)) return delivery.settle(web.receipt(exit.value))
    if (Cause.hasDies(exit.cause)) {
      log(Effect.logError("a delivery failed with an unexpected error and was answered 503", exit.cause))
    }
    this.#refuse(delivery, "unavailable")
  }

  /** Reads the body within its limits. Returns false if the delivery was answered meanwhile. */
  async #read(delivery: Delivery): Promise<boolean> {
    const { body, request } = delivery
    const reader = request.body?.getReader()
    if (reader === undefined) return true
    let isReading = false
    delivery.cancel = () => {
      if (onDeno && isReading) return
      reader.cancel().catch(() => undefined)
    }
    try {
      while (true) {
        isReading = true
        const { done, value } = await reader.read()
        isReading = false
        if (!this.#open.has(delivery)) {
          delivery.cancel()
          return false
        }
        if (done) return true
        const part = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
        if (body.size + part.length > this.#limits.maxBodyBytes || body.isCrumbs) {
          this.#refuse(delivery, "body_too_large")
          return false
        }
        this.#unread -= body.held
        body.add(part)
        this.#unread += body.held
        if (this.#unread > mostUnread(this.#limits.maxBodyBytes)) this.#shed()
      }
    } catch {
      // The client disconnected, so 3QPR delivers again.
      this.#refuse(delivery, "unavailable")
      return false
    }
  }

  /** Ends the delivery whose body has been arriving for the longest time, to free memory. */
  #shed(): void {
    for (const delivery of this.#open) {
      if (!delivery.read) return this.#refuse(delivery, "unavailable")
    }
  }

  #refuse(delivery: Delivery, error: Refusal): void {
    delivery.settle(web.refusal(error))
  }
}

/**
 * `Deno.serve` of Deno 2.9.6 never frees 50 kB when a body is cancelled while a read of it waits. There, the body is
 * cancelled when the read ends: with the next part, or with the connection, which closes after the response.
 */
const onDeno = process.versions["deno"] !== undefined

const alreadyRead =
  "webhook: the body of a delivery was read before the handler, so its signature cannot be checked. It was answered "
  + "503. Mount the handler before every middleware that parses bodies, or exclude its path from them."
