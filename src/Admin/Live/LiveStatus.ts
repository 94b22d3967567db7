import { Clock, DateTime, Effect } from "effect"
import { DeadLetters } from "../../EventLog/DeadLetters.ts"
import { EventLog } from "../../EventLog/EventLog.ts"
import { quarantineSubjects } from "../../EventLog/Names.ts"
import { countIn } from "../../EventLog/Subjects.ts"
import { ProcessHealth } from "../../Process/ProcessHealth.ts"
import { active } from "../../Projector/Registry.ts"
import type { LiveStatus } from "../Api/Live.ts"
import { progressOf } from "../Projections/ProjectionsHandlers.ts"
import { standing } from "../Status/StatusHandlers.ts"
import * as Counters from "./AllCounters.ts"
import { type Rates, totalsOf } from "./Rates.ts"

/** Time limit of each part, in milliseconds. */
const patience = 2_500

/** Reads the status of all parts once. A part that fails or is slow is null, and does not delay the others. */
export const look = Effect.fn("Live.look")(function*(rates: Rates) {
  const log = yield* EventLog
  const health = yield* ProcessHealth
  const deadLetters = yield* DeadLetters
  const found = yield* Effect.all({
    faults: orNull(health.faults),
    processes: orNull(Counters.all),
    census: orNull(log.census),
    consumers: orNull(standing),
    dead_letters: orNull(deadLetters.count),
    rebuilds: orNull(rebuilds)
  }, { concurrency: "unbounded" })
  const { census, consumers, dead_letters, processes, rebuilds: going } = found
  const faults = found.faults ?? [{ part: "readiness", reason: "no answer within 2.5 seconds" }]
  const at = yield* Clock.currentTimeMillis
  return {
    at: DateTime.formatIso(DateTime.makeUnsafe(at)),
    ready: faults.length === 0,
    faults,
    instances: processes?.filter(({ roles }) => roles.includes("ingress")).length ?? 0,
    totals: processes && totalsOf(processes),
    rates: processes && rates.since(processes, at),
    processes: processes ?? [],
    stream: census && {
      events: countIn(census, ">"),
      bytes: census.bytes,
      first_sequence: census.firstSequence,
      last_sequence: census.lastSequence,
      created: census.created
    },
    consumers,
    dead_letters,
    quarantined: census && countIn(census, quarantineSubjects),
    rebuilds: going
  } satisfies LiveStatus
})

const rebuilds = Effect.gen(function*() {
  const going = yield* active
  if (going.length === 0) return []
  const consumers = yield* standing
  return yield* Effect.forEach(
    going,
    (rebuild) =>
      Effect.map(progressOf(rebuild, consumers), (progress) => {
        const { generation, id, kind, name: projection, state } = rebuild
        return { projection, id, kind, state, generation, ...progress }
      })
  )
})

const orNull = <A, E, R>(part: Effect.Effect<A, E, R>) =>
  part.pipe(Effect.timeout(patience), Effect.orElseSucceed(() => null))
