import { Effect, Option } from "effect"
import { randomUUID } from "node:crypto"
import type { Nats } from "../Nats/Nats.ts"
import { AppendFailed, appendTimeout, type Health, type Stored } from "./EventLog.ts"
import { probeSubject } from "./Names.ts"
import type { Publish } from "./Publisher.ts"

/** Maximum age of a proof of storage, in milliseconds. */
const trusted = 15_000

/** Age of the last proof after which an idle log is probed, in milliseconds. */
const probeEvery = 5_000

/**
 * Decides whether an append would be stored, from the outcomes of real publishes. If there is no traffic, probes are
 * published. The broker's own health check is not used. It reports ok on a full disk, and while the first publish
 * after a restart waits for seconds.
 */
export class Readiness {
  readonly #away: () => string | undefined
  readonly #now: () => number
  #provenAt = -Infinity
  #refusal: string | undefined = "no publish has been acknowledged yet"
  #refusals = 0
  #back = true
  /** When the stream last replied without proof of storage. */
  #answeredAt = -Infinity
  #lastFailure: AppendFailed["reason"] | undefined
  /** Why the stream could now lose acknowledged events. Undefined if it could not. */
  flaw: string | undefined

  /** `away` returns why the broker is not connected, or undefined while it is connected. */
  constructor(away: () => string | undefined, now = () => performance.now()) {
    this.#away = away
    this.#now = now
  }

  /**
   * Records the outcome of an append. The PubAck of a duplicate proves that the stream replies, not that it can
   * store.
   */
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

  /** A time-out makes the log not ready, unless the stream has stored something since that append was sent. */
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

  /** Records that the connection to the broker is lost. */
  lost(): void {
    this.refuse("the broker is not connected")
    this.#back = false
  }

  /**
   * Whether a publish has been acknowledged since the connection was last lost. A broker that starts with a full
   * deduplication window takes seconds to acknowledge its first publish. Only the probe waits for that.
   */
  get isBack(): boolean {
    return this.#back
  }

  /** Number of changes from ready to not ready. A probe id with this number is new since the last change. */
  get refusals(): number {
    return this.#refusals
  }

  /** Whether there has been no proof of storage for `probeEvery`, or the log is not ready. */
  get stale(): boolean {
    return this.#refusal !== undefined || this.#now() - this.#provenAt >= probeEvery
  }

  /**
   * Whether this server reaches the stream. A stream that refuses appends counts as reached, because another server
   * would not help.
   */
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
 * Probes an idle log without an end. The probe id changes after each refusal, so that its PubAck proves storage.
 * While the log is ready the id repeats: the stream replies that it is a duplicate and stores nothing. A stored probe
 * is deleted (`remove`), so that the log holds only events.
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

/** Refusals that the stream itself sends. */
const answers: ReadonlySet<AppendFailed["reason"]> = new Set(["full", "too_large", "refused"])

/** How long a server may fail to reach the stream before another server of the cluster is tried, in seconds. */
const patience = 5

/**
 * Changes the server if the connected one cannot reach the stream. A server can be cut off from its cluster for
 * longer than a delivery can wait.
 */
export const leave = Effect.fnUntraced(function*(readiness: Readiness, nats: Nats["Service"]) {
  let seconds = 0
  while (true) {
    yield* Effect.sleep("1 second")
    seconds = readiness.isHeard || !nats.isConnected() ? 0 : seconds + 1
    if (seconds < patience || !nats.hasOthers()) continue
    seconds = 0
    yield* Effect.logWarning(
      `${nats.connection.getServer()} cannot reach the stream. Trying another server of the cluster`
    )
    yield* nats.moveOn
  }
})

/** `flaw` is set while a stream could lose messages. */
interface Inspected {
  flaw: string | undefined
}

/** Checks repeatedly whether the streams keep our promises. They can be created again or edited at any time. */
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
