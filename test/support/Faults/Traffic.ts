import { Deferred, Effect, Fiber, type Redacted, type Scope, Semaphore } from "effect"
import { Agent, request } from "node:http"
import * as Signature from "../../../src/Signature/Signature.ts"
import { Bodies, drawsOf } from "./Bodies.ts"
import type { Ledger, Sent } from "./Ledger.ts"

export interface TrafficOptions {
  /** New bodies a second. Fewer are made while many are not delivered yet. */
  readonly rate: number
  readonly seed: number
  /** The URLs of the receivers, read before each attempt. */
  readonly urls: () => ReadonlyArray<string>
  /** The secret that signs, read before each attempt. */
  readonly secret: () => Redacted.Redacted<string>
  /**
   * Waits between the attempts of a body, in milliseconds. Delivery stops after the last one, or never when
   * undefined.
   */
  readonly waits?: ReadonlyArray<number> | undefined
}

export interface Traffic {
  /** Creates no further bodies, and waits until all deliveries have ended. */
  readonly stop: Effect.Effect<void>
}

/**
 * Delivers as 3QPR does, with shorter waits and, unless `waits` is set, without giving up. An attempt that is not
 * answered 200 is repeated at the next receiver. Some bodies are sent twice at once, and some again later. Some
 * clients disconnect before the answer.
 */
export const run = (ledger: Ledger, options: TrafficOptions): Effect.Effect<Traffic, never, Scope.Scope> =>
  Effect.gen(function*() {
    const draw = drawsOf(options.seed)
    const bodies = new Bodies(draw, options.seed.toString(36))
    const stopped = yield* Deferred.make<void>()
    const deliveries = new Set<Fiber.Fiber<void>>()
    const scope = yield* Effect.scope
    const start = (sent: Sent, luck: number) =>
      Effect.map(
        Effect.forkIn(deliver(ledger, options, sent, luck), scope, { startImmediately: true }),
        (fiber) => {
          deliveries.add(fiber)
          fiber.addObserver(() => deliveries.delete(fiber))
        }
      )
    const began = performance.now()
    let made = 0
    const make = Effect.gen(function*() {
      const due = Math.floor((performance.now() - began) / 1_000 * options.rate)
      for (; made < due; made++) {
        if (deliveries.size >= mostOpen) continue
        const sent = bodies.next(ledger)
        const luck = draw()
        yield* start(sent, luck)
        if (luck < 0.08) yield* start(sent, 1)
        if (luck > 0.95) yield* Effect.forkIn(Effect.delay(start(sent, 1), "700 millis"), scope)
      }
    })
    const making = yield* Effect.forkScoped(
      make.pipe(
        Effect.andThen(Effect.sleep("5 millis")),
        Effect.forever,
        Effect.raceFirst(Deferred.await(stopped))
      )
    )
    return {
      stop: Deferred.succeed(stopped, undefined).pipe(
        Effect.andThen(Fiber.join(making)),
        // Waits for bodies that are sent again later.
        Effect.andThen(Effect.sleep("800 millis")),
        Effect.andThen(Effect.suspend(() => Fiber.joinAll([...deliveries]))),
        Effect.asVoid
      )
    }
  })

/** Delivers one body until it is accepted. `luck` decides whether the first attempt disconnects early. */
export const deliver = (
  ledger: Ledger,
  { secret, urls, waits }: Pick<TrafficOptions, "secret" | "urls" | "waits">,
  sent: Sent,
  luck = 1
): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let tries = 0;; tries++) {
      const all = urls()
      const url = all[(sent.sha256.charCodeAt(0) + tries) % all.length] ?? ""
      const signature = sent.kind === "forged"
        ? `sha256=${sent.sha256}`
        : Signature.sign(sent.body, secret())
      const leaves = tries === 0 && luck > 0.1 && luck < 0.12
      const status = yield* atOnce.withPermit(Effect.gen(function*() {
        const at = performance.now()
        const status = yield* post(url, sent.body, signature, leaves)
        ledger.attempts.push({ at, took: performance.now() - at, status })
        return status
      }))
      if (status === 0) sent.silent++
      if (status === 200) sent.accepted++
      if (status === (sent.kind === "forged" ? 400 : 200)) break
      if (![0, 408, 503].includes(status)) ledger.wrong.push(`${status} to ${sent.kind} ${sent.id}`)
      if (tries === waits?.length) break
      // The longest wait varies by body, so that an outage does not end in one wave of retries.
      const longest = 500 + sent.sha256.charCodeAt(1) * 20
      yield* Effect.sleep(waits?.[tries] ?? Math.min(longest, 50 * 2 ** tries))
    }
    sent.open = false
  })

/**
 * Makes no body while so many are not delivered yet. Otherwise a busy machine never leaves an outage: this process spends
 * its time on retries, and its proxies let no receiver connect.
 */
const mostOpen = 512

// Limits concurrent retries after an outage, so that this process and its proxies stay responsive.
const atOnce = Semaphore.makeUnsafe(128)

const agent = new Agent({ keepAlive: true, maxFreeSockets: 16, timeout: 5_000 })

/**
 * Makes one delivery and returns its status, or 0 without an answer within 5 seconds. `leaves` disconnects before
 * the answer.
 */
const post = (url: string, body: Buffer, signature: string, leaves: boolean) =>
  Effect.callback<number>((resume) => {
    const headers = {
      [Signature.header]: signature,
      "content-type": "application/json",
      "content-length": body.length
    }
    const outgoing = request(url, { method: "POST", headers, agent, timeout: 5_000 }, (response) => {
      response.resume()
      response.on("end", () => resume(Effect.succeed(response.statusCode ?? 0)))
      response.on("error", () => resume(Effect.succeed(0)))
    })
    outgoing.on("timeout", () => outgoing.destroy())
    outgoing.on("error", () => resume(Effect.succeed(0)))
    outgoing.end(body, () => leaves && setTimeout(() => outgoing.destroy(), 1))
  })
