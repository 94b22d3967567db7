import { Context, Effect, Metric } from "effect"

/** The outcomes of a delivery at the public listener. */
export const outcomes = [
  "stored",
  "duplicate",
  "quarantined",
  "erased",
  "missing_signature",
  "ambiguous_signature",
  "invalid_signature",
  "body_too_large",
  "body_too_slow",
  "unsupported_encoding",
  "wrong_path",
  "unavailable",
  "too_many_in_flight",
  "aborted"
] as const
export type Outcome = (typeof outcomes)[number]

const seconds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]

const deliveries = Metric.counter("threeqpr_deliveries_total", {
  description: "Deliveries at the public listener, by outcome",
  incremental: true
})

/** One counter per outcome. Each exists from the start, so that `rate` sees the step from 0 to 1. */
const byOutcome = new Map(
  outcomes.map((outcome) => [outcome, Metric.withAttributes(deliveries, { outcome })])
)

const deliverySeconds = Metric.histogram("threeqpr_delivery_seconds", {
  description: "From a delivery's headers to its answer",
  boundaries: seconds
})

const publishesInFlight = Metric.gauge("threeqpr_publishes_in_flight", {
  description: "Deliveries that are waiting for the broker's acknowledgement"
})

const conflicts = Metric.counter("threeqpr_conflicts_total", {
  description: "Deliveries whose event id is already stored with a different body",
  incremental: true
})

const erasedIdsKnown = Metric.gauge("threeqpr_erased_ids_known", {
  description:
    "1 while this receiver knows all published hashes of erased ids, 0 while it cannot read them or their stream is missing"
})

const signatureMatches = Metric.counter("threeqpr_signature_matches_total", {
  description: "Deliveries by the webhook secret that signed them: its position in the list, from 1",
  incremental: true
})

const failedAuthentications = Metric.counter("threeqpr_failed_authentications_total", {
  description: "Requests at the private listener with no token or a wrong token",
  incremental: true
})

const byReason = {
  missing_token: Metric.withAttributes(failedAuthentications, { reason: "missing_token" }),
  wrong_token: Metric.withAttributes(failedAuthentications, { reason: "wrong_token" })
}

const loopDelay = Metric.histogram("threeqpr_event_loop_delay_seconds", {
  description: "Event loop delay, measured ten times a second",
  boundaries: seconds
})

const projected = Metric.counter("threeqpr_projected_total", {
  description: "Events that a projection has applied, or had already applied",
  incremental: true
})

const batchEvents = Metric.histogram("threeqpr_batch_events", {
  description: "Events in each batch that a projection committed",
  boundaries: [1, 2, 5, 10, 20, 50, 100, 200, 500]
})

const batchSeconds = Metric.histogram("threeqpr_batch_seconds", {
  description: "Duration of a batch's transaction, including failed ones",
  boundaries: seconds
})

const nowhere = Context.empty()

/** Counts deliveries. It uses no effects, because it is on the ingest path. */
export const ingest = {
  start: (): void => {
    for (const counter of byOutcome.values()) counter.updateUnsafe(0, nowhere)
    conflicts.updateUnsafe(0, nowhere)
  },
  answered: (outcome: Outcome, millis: number): void => {
    byOutcome.get(outcome)?.updateUnsafe(1, nowhere)
    deliverySeconds.updateUnsafe(millis / 1_000, nowhere)
  },
  /** A request that was refused before anything was read. */
  refused: (outcome: Outcome): void => byOutcome.get(outcome)?.updateUnsafe(1, nowhere),
  inFlight: (change: 1 | -1): void => publishesInFlight.modifyUnsafe(change, nowhere),
  conflict: (): void => conflicts.updateUnsafe(1, nowhere),
  /** Whether this receiver knows all published hashes of erased ids. */
  erasedIdsKnown: (known: boolean): void => erasedIdsKnown.updateUnsafe(known ? 1 : 0, nowhere),
  /** The number of deliveries since the start, by outcome. */
  counts: () =>
    Object.fromEntries(
      Array.from(byOutcome, ([outcome, counter]) => [outcome, counter.valueUnsafe(nowhere).count])
    )
}

/** Counts failed authentications of the private listener. */
export const authentication = {
  start: (): void => {
    for (const counter of Object.values(byReason)) counter.updateUnsafe(0, nowhere)
  },
  failed: (reason: keyof typeof byReason): void => byReason[reason].updateUnsafe(1, nowhere)
}

const restarts = Metric.counter("threeqpr_engine_restarts_total", {
  description:
    "Restarts of the embedded broker or the embedded database after it ended or stopped responding",
  incremental: true
})

const engines = ["broker", "database"] as const

const restartsByEngine = new Map(
  engines.map((engine) => [engine, Metric.withAttributes(restarts, { engine })])
)

/** Counts restarts of an embedded engine. */
export const restartsOf = (engine: (typeof engines)[number]) => (): void =>
  restartsByEngine.get(engine)?.updateUnsafe(1, nowhere)

/** Starts all restart counters at 0, so that an increase shows the first restart. */
export const startRestarts = (): void => {
  for (const counter of restartsByEngine.values()) counter.updateUnsafe(0, nowhere)
}

/**
 * Counts the signatures that match a secret. The counter exists from the start, so that an unused secret shows as 0.
 */
export const signatures = (secret: number): () => void => {
  const counter = Metric.withAttributes(signatureMatches, { secret: String(secret) })
  counter.updateUnsafe(0, nowhere)
  return () => counter.updateUnsafe(1, nowhere)
}

const byProjection = new Map<string, Metric.Counter<number>>()

/** The number of events that each projection of this process has applied since the start, or found already applied. */
export const projectedCounts = () =>
  Object.fromEntries(
    Array.from(byProjection, ([projection, counter]) => [projection, counter.valueUnsafe(nowhere).count])
  )

/** Counts the batches of one projection. */
export const batches = (projection: string) => {
  const labels = { projection }
  const [total, events, time] = [
    Metric.withAttributes(projected, labels),
    Metric.withAttributes(batchEvents, labels),
    Metric.withAttributes(batchSeconds, labels)
  ]
  byProjection.set(projection, total)
  return {
    committed: (count: number): void => {
      total.updateUnsafe(count, nowhere)
      events.updateUnsafe(count, nowhere)
    },
    took: (millis: number): void => time.updateUnsafe(millis / 1_000, nowhere)
  }
}

/** Measures the event loop delay until the scope closes. */
export const watchLoop = Effect.acquireRelease(
  Effect.sync(() => {
    let due = performance.now() + 100
    const timer = setInterval(() => {
      const now = performance.now()
      loopDelay.updateUnsafe(Math.max(0, now - due) / 1_000, nowhere)
      due = now + 100
    }, 100)
    return timer
  }),
  (timer) => Effect.sync(() => clearInterval(timer))
)
