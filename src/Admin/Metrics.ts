import { Effect, Metric } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import process from "node:process"
import packageJson from "../../package.json" with { type: "json" }
import { DeadLetters } from "../EventLog/DeadLetters.ts"
import { EventLog } from "../EventLog/EventLog.ts"
import { quarantineSubjects } from "../EventLog/Names.ts"
import { countIn } from "../EventLog/Subjects.ts"
import { repaired } from "../Jobs/Reconciliations/Registry.ts"
import { messageOf } from "../Process/Failure.ts"
import { startRestarts, watchLoop } from "../Process/Metrics.ts"
import { ProcessHealth } from "../Process/ProcessHealth.ts"
import { conflicts } from "../Projector/Apply/BodyConflicts.ts"
import { active } from "../Projector/Registry.ts"
import type { ConsumerAnswer } from "./Api/Status.ts"
import { accounts, progressOf } from "./Projections/ProjectionsHandlers.ts"
import { standing } from "./Status/StatusHandlers.ts"

type Labels = Readonly<Record<string, string>>

/** Sets a gauge in the registry of one scrape. */
const gauge = (name: string, description: string, value: number, labels: Labels = {}) =>
  Metric.update(Metric.withAttributes(Metric.gauge(name, { description }), labels), value)

/** `/metrics` of a process: its own metrics, and `more`. */
const route = <E, R>(more: Effect.Effect<void, E, R>) =>
  HttpRouter.use(Effect.fnUntraced(function*(router) {
    yield* watchLoop
    startRestarts()
    const health = yield* ProcessHealth
    const services = yield* Effect.context<R>()
    const own = Effect.gen(function*() {
      const runtime = process.versions["deno"]
        ? `Deno ${process.versions["deno"]}`
        : `Node ${process.version}`
      yield* gauge("threeqpr_build_info", "Always 1; the version and the runtime are labels", 1, {
        version: packageJson.version,
        runtime
      })
      const ready = (yield* health.faults).length === 0
      yield* gauge("threeqpr_ready", "1 when this process is ready, else 0", ready ? 1 : 0)
    })
    // Values that are read for each scrape have their own registry, so no stale value is reported.
    const scrape = Effect.gen(function*() {
      yield* own
      const readable = yield* Effect.matchEffect(more, {
        onSuccess: () => Effect.succeed(1),
        onFailure: (error) =>
          Effect.as(Effect.logDebug(`/metrics contains only this process's metrics: ${messageOf(error)}`), 0)
      })
      yield* gauge("threeqpr_state_readable", "1 when broker and database reported their state", readable)
      return yield* PrometheusMetrics.format()
    }).pipe(Effect.provideContext(services))
    yield* router.add(
      "GET",
      "/metrics",
      Effect.gen(function*() {
        const read = yield* Effect.provideService(scrape, Metric.MetricRegistry, new Map())
        const counted = yield* PrometheusMetrics.format()
        return HttpServerResponse.text(read + counted, {
          contentType: "text/plain; version=0.0.4; charset=utf-8"
        })
      })
    )
  }))

const log = Effect.gen(function*() {
  const log = yield* EventLog
  const census = yield* log.census
  const { bytes, lastSequence } = census
  yield* gauge("threeqpr_stream_events", "Entries of the stream", countIn(census, ">"))
  yield* gauge("threeqpr_stream_bytes", "Bytes of the stream", bytes)
  yield* gauge("threeqpr_stream_last_sequence", "Sequence of the last entry", lastSequence)
  const quarantined = countIn(census, quarantineSubjects)
  yield* gauge("threeqpr_quarantined", "Entries in quarantine", quarantined)
  yield* gauge("threeqpr_dead_letters", "Dead letters of all consumers", yield* (yield* DeadLetters).count)
})

const consumers = Effect.gen(function*() {
  const all = yield* standing
  for (const { in_flight, lag, lag_seconds, name: consumer } of all) {
    yield* gauge("threeqpr_consumer_lag_events", "Events that a consumer has not finished", lag, { consumer })
    yield* gauge(
      "threeqpr_consumer_lag_seconds",
      "Age of the oldest event that a consumer has not finished",
      lag_seconds,
      { consumer }
    )
    yield* gauge(
      "threeqpr_consumer_in_flight",
      "Events that are delivered to a consumer and not acknowledged",
      in_flight,
      { consumer }
    )
  }
  return all
})

/**
 * The lag of each live read model under the name of its projection, because the name of its consumer changes with each
 * rebuild. Without a consumer there is no lag to report.
 */
const lagOf = Effect.fnUntraced(function*(projection: string, consumer: ConsumerAnswer | undefined) {
  if (consumer === undefined) return
  yield* gauge(
    "threeqpr_projection_lag_events",
    "Events that a live read model has not finished",
    consumer.lag,
    {
      projection
    }
  )
  yield* gauge(
    "threeqpr_projection_lag_seconds",
    "Age of the oldest event that a live read model has not finished",
    consumer.lag_seconds,
    { projection }
  )
})

/** Names the consumer of a generation of a projection. */
const consumerInfo = (projection: string, consumer: string, state: "live" | "rebuild") =>
  gauge(
    "threeqpr_projection_consumer_info",
    "Always 1; the consumers of a projection are labels, with the state live or rebuild",
    1,
    { projection, consumer, state }
  )

const readModels = Effect.fnUntraced(function*(consumers: ReadonlyArray<ConsumerAnswer>) {
  for (const { completeness, durable, fault, name: projection } of yield* accounts(consumers)) {
    yield* consumerInfo(projection, durable, "live")
    yield* lagOf(projection, consumers.find(({ name }) => name === durable))
    const { missing, unexplained } = completeness
    yield* gauge(
      "threeqpr_projection_faulty",
      "1 when a read model does not match the event log",
      fault === null ? 0 : 1,
      {
        projection
      }
    )
    yield* gauge("threeqpr_projection_missing_events", "Events that a read model lacks", missing, {
      projection
    })
    if (unexplained === null) continue
    yield* gauge(
      "threeqpr_projection_unexplained_events",
      "Events in a read model that are not in the log",
      unexplained,
      { projection }
    )
  }
})

const work = Effect.gen(function*() {
  const all = yield* consumers
  yield* readModels(all)
  for (const rebuild of yield* active) {
    const { durable, name: projection } = rebuild
    yield* consumerInfo(projection, durable, "rebuild")
    const { done, total } = yield* progressOf(rebuild, all)
    const ratio = total === 0 ? 1 : done / total
    yield* gauge("threeqpr_rebuild_progress_ratio", "Progress of a running rebuild, from 0 to 1", ratio, {
      projection
    })
  }
  yield* gauge(
    "threeqpr_conflicts_stored",
    "Entries with the id of an event that was applied before with another body",
    yield* conflicts
  )
  yield* gauge(
    "threeqpr_reconciled",
    "Scans appended from 3QPR's API in total",
    yield* repaired
  )
})

/** With metrics of all processes, which the admin role reads. */
export const layer = route(Effect.andThen(log, work))

/** For a process without the admin role. */
export const layerOwn = route(Effect.void)
