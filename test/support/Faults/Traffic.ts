import { Deferred, Effect, Fiber, type Redacted, type Scope, Semaphore } from "effect"
import { Agent, request } from "node:http"
import * as Signature from "../../../src/Signature/Signature.ts"
import { Bodies, drawsOf } from "./Bodies.ts"
import type { Ledger, Sent } from "./Ledger.ts"

export interface TrafficOptions {
  /** New bodies a second. */
  readonly rate: number
  readonly seed: number
  /** Where the receivers are, asked before each attempt. */
  readonly urls: () => ReadonlyArray<string>
  /** What 3QPR signs with, asked before each attempt. */
  readonly secret: () => Redacted.Redacted<string>
  /** Waits between the attempts of a body, in milliseconds, after which it is given up; never when undefined. */
  readonly waits?: ReadonlyArray<number> | undefined
}

export interface Traffic {
  /** Makes no new bodies, and waits until all that were made are through. */
  readonly stop: Effect.Effect<void>
}

/**
 * Delivers as 3QPR does, with its waits compressed and, unless told, without giving up: an attempt that is not answered
 * 200 is made again, at the next receiver. Some bodies go twice at once, some again later, some clients
 * leave before the answer.
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
        // For what goes again later.
        Effect.andThen(Effect.sleep("800 millis")),
        Effect.andThen(Effect.suspend(() => Fiber.joinAll([...deliveries]))),
        Effect.asVoid
      )
    }
  })

/** Delivers one body until it is accepted; `luck` decides how its first attempt goes. */
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
      // Some wait longer, so that an outage does not end in a wave of all at once.
      const longest = 500 + sent.sha256.charCodeAt(1) * 20
      yield* Effect.sleep(waits?.[tries] ?? Math.min(longest, 50 * 2 ** tries))
    }
    sent.open = false
  })

// What waits after an outage must not keep this process, and the networks in it, from anything else.
const atOnce = Semaphore.makeUnsafe(128)

const agent = new Agent({ keepAlive: true, maxFreeSockets: 16, timeout: 5_000 })

/** One delivery; its status, or 0 when no answer came within 5 seconds. `leaves`: before the answer. */
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
