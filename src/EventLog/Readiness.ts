import { Effect, Option } from "effect"
import { randomUUID } from "node:crypto"
import type { Nats } from "../Nats/Nats.ts"
import { AppendFailed, appendTimeout, type Health, type Stored } from "./EventLog.ts"
import { probeSubject } from "./Names.ts"
import type { Publish } from "./Publisher.ts"

/** A proof of storage older than this is no longer believed, in milliseconds. */
const trusted = 15_000

/** How often an idle log is asked for a fresh proof, in milliseconds. */
const probeEvery = 5_000

/**
 * Knows whether an append would be stored, from the outcome of real publishes: those of the traffic, and
 * when there are none, probes. A broker's own health is not asked: it says ok while its first publish
 * after a restart waits for seconds, and with a full disk.
 */
export class Readiness {
  readonly #away: () => string | undefined
  readonly #now: () => number
  #provenAt = -Infinity
  #refusal: string | undefined = "no publish has been acknowledged yet"
  #refusals = 0
  #back = true
  /** When the stream last answered something that proves no store. */
  #answeredAt = -Infinity
  #lastFailure: AppendFailed["reason"] | undefined
  /** Why the stream, as it is now, could lose events that it acknowledges; undefined when it could not. */
  flaw: string | undefined

  /** `away` says why the broker is not connected; undefined while it is. */
  constructor(away: () => string | undefined, now = () => performance.now()) {
    this.#away = away
    this.#now = now
  }

  /** Learns from an append. A duplicate's ack shows that the stream answers, not that it can store. */
  observe(outcome: Stored | AppendFailed): void {
    this.#lastFailure = undefined
    if (outcome instanceof AppendFailed) {
      this.#lastFailure = outcome.reason
      if (answers.has(outcome.reason)) this.#answeredAt = this.#now()
      if (outcome.reason === "timeout") return this.#timedOut(outcome.message)
      if (outcome.reason !== "too_large") this.refuse(outcome.message)
    } else if (this.#refusal === undefined || !outcome.duplicate) {
      this.prove()
    } else {
      this.#answeredAt = this.#now()
    }
  }

  /** A time-out counts at once, unless the stream has stored something since that append was sent. */
  #timedOut(message: string): void {
    if (this.#now() - this.#provenAt >= appendTimeout) this.refuse(message)
  }

  prove(): void {
    this.#refusal = undefined
    this.#back = true
    this.#provenAt = this.#now()
  }

  refuse(reason: string): void {
    if (this.#refusal === undefined) this.#refusals++
    this.#refusal = reason
  }

  /** Learns that the broker is gone. */
  lost(): void {
    this.refuse("the broker is not connected")
    this.#back = false
  }

  /**
   * Whether a probe has been acknowledged since the connection was last lost. A broker that starts with a full
   * dedup window answers its first publish after seconds: only the probe waits for that.
   */
  get isBack(): boolean {
    return this.#back
  }

  /** How often we went from ready to not ready: a probe with this number is new since then. */
  get refusals(): number {
    return this.#refusals
  }

  /** Whether the traffic has left us without a recent proof. */
  get stale(): boolean {
    return this.#refusal !== undefined || this.#now() - this.#provenAt >= probeEvery
  }

  /** Whether the broker reaches the stream, which may also refuse what we append: we would not be better off elsewhere. */
  get isHeard(): boolean {
    const answeredAt = Math.max(this.#provenAt, this.#answeredAt)
    return this.#lastFailure !== "no_stream" && this.#now() - answeredAt < trusted
  }

  get health(): Health {
    const away = this.#away()
    if (away !== undefined) return { ready: false, reason: away }
    if (this.#refusal !== undefined) return { ready: false, reason: this.#refusal }
    if (this.flaw !== undefined) return { ready: false, reason: this.flaw }
    const age = this.#now() - this.#provenAt
    return age < trusted
      ? { ready: true }
      : { ready: false, reason: `no publish acknowledged for ${Math.round(age / 1000)} s` }
  }
}

/**
 * Probes an idle log without an end. A probe's id is new after each refusal, so that its ack proves a store.
 * While all is well the id repeats: the stream answers that it is a duplicate, and stores nothing. What was
 * stored is deleted again (`remove`), so that the log holds events only.
 */
export const probe = Effect.fnUntraced(function*(
  readiness: Readiness,
  publish: Publish,
  nats: Nats["Service"],
  remove: (sequence: number) => Promise<unknown>
) {
  const instance = randomUUID()
  let removed = 0
  const once = Effect.fnUntraced(function*() {
    if (!nats.isConnected() || !readiness.stale) return
    const stored = yield* Effect.option(publish({
      subject: probeSubject,
      headers: [["Nats-Msg-Id", `probe:${instance}:${readiness.refusals}`]],
      body: new Uint8Array()
    }))
    if (Option.isNone(stored)) return
    readiness.prove()
    if (stored.value.sequence === removed) return
    removed = stored.value.sequence
    yield* Effect.promise(() => remove(removed).catch(() => undefined))
  })
  while (true) {
    yield* once()
    yield* Effect.sleep(readiness.health.ready ? 1_000 : 250)
  }
})

/** The refusals that come from the stream itself. */
const answers: ReadonlySet<AppendFailed["reason"]> = new Set(["full", "too_large", "refused"])

/** How long a server may reach no stream before another one of its cluster is tried, in seconds. */
const patience = 5

/**
 * Leaves each reachable server through which the stream does not answer: it can be cut off from the others of its
 * cluster for longer than a delivery can wait.
 */
export const leave = Effect.fnUntraced(function*(readiness: Readiness, nats: Nats["Service"]) {
  let seconds = 0
  while (true) {
    yield* Effect.sleep("1 second")
    seconds = readiness.isHeard || !nats.isConnected() ? 0 : seconds + 1
    if (seconds < patience || !nats.hasOthers()) continue
    seconds = 0
    yield* Effect.logWarning(
      `${nats.connection.getServer()} reaches no stream; trying another server of the cluster`
    )
    yield* nats.moveOn
  }
})

/** Something that has a flaw while a stream could lose messages. */
interface Inspected {
  flaw: string | undefined
}

/** Looks forever whether streams still keep our promises: they can be created again or edited at any time. */
export const inspect = Effect.fnUntraced(
  function*(of: Inspected, flawOf: () => Promise<string | undefined>) {
    const look = Effect.promise(() => flawOf().catch(() => of.flaw))
    while (true) {
      yield* Effect.sleep(probeEvery)
      const flaw = yield* look
      if (flaw !== undefined && flaw !== of.flaw) yield* Effect.logError(flaw)
      of.flaw = flaw
    }
  }
)
